import type {
  ChannelCredentials,
  ClientDuplexStream,
  Server,
  ServerCredentials,
  ServerDuplexStream,
} from '@grpc/grpc-js';
import { fromHandshakeAddress, toHandshakeAddress } from '@rpcplugin/endpoint-utils';
import type { Transport } from '@rpcplugin/transport-core';
import { connectGrpc, serveGrpc } from '@rpcplugin/transport-grpc';
import type { GrpcConnection, GrpcListener } from '@rpcplugin/transport-grpc';
import type { ConnInfo, ConnInfo__Output } from './generated/plugin/ConnInfo.js';
import { newTransport } from './new-transport.js';

type ConnInfoStream = ClientDuplexStream<ConnInfo, ConnInfo__Output> | ServerDuplexStream<ConnInfo__Output, ConnInfo>;

export interface GrpcBrokerOptions {
  /** Creates the transport for a service. */
  transport: () => Transport;
  server: ServerCredentials;
  channel: ChannelCredentials;
}

/** How long a dial waits for the other side to serve, in milliseconds, as in go-plugin. */
const DIAL_MS = 5000;

/**
 * go-plugin's broker: each side can serve more services, each under a number and on its own listener, and sends the
 * address to the other side on a stream. The application has to tell the other side the number.
 */
export class GrpcBroker {
  readonly #stream: ConnInfoStream;
  readonly #options: GrpcBrokerOptions;
  readonly #served = new Map<number, ConnInfo__Output>();
  readonly #awaited = new Map<number, (info: ConnInfo__Output) => void>();
  #lastService = 0;

  constructor(stream: ConnInfoStream, options: GrpcBrokerOptions) {
    this.#stream = stream;
    this.#options = options;
    stream.on('data', (info: ConnInfo__Output) => {
      const resolve = this.#awaited.get(info.serviceId);
      if (resolve === undefined) this.#served.set(info.serviceId, info);
      else resolve(info);
    });
    // The stream fails when the connection closes.
    stream.on('error', () => undefined);
  }

  /** An unused service number. */
  nextService(): number {
    return ++this.#lastService;
  }

  /** Serves under a number until the listener is closed. */
  async serve(service: number, server: Server): Promise<GrpcListener> {
    const listener = await serveGrpc(server, this.#options.transport(), this.#options.server);
    this.#stream.write({ serviceId: service, ...toHandshakeAddress(listener.endpoint) });
    return listener;
  }

  /** Connects to the service under a number, once the other side serves it. */
  async dial(service: number): Promise<GrpcConnection> {
    const info = this.#served.get(service) ?? (await this.#await(service));
    this.#served.delete(service);
    return connectGrpc(newTransport(info.network), fromHandshakeAddress(info), this.#options.channel);
  }

  #await(service: number): Promise<ConnInfo__Output> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#awaited.delete(service);
        reject(new Error(`service ${service} is not served`));
      }, DIAL_MS);
      this.#awaited.set(service, (info) => {
        clearTimeout(timer);
        this.#awaited.delete(service);
        resolve(info);
      });
    });
  }
}
