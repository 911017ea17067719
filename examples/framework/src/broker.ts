import { EventEmitter, once } from 'node:events';
import type { ClientDuplexStream, Server, ServerDuplexStream } from '@grpc/grpc-js';
import { fromHandshakeAddress, toHandshakeAddress } from '@rpcplugin/endpoint-utils';
import { negotiateTransport } from '@rpcplugin/transport-core';
import { connectGrpc, serveGrpc } from '@rpcplugin/transport-grpc';
import type { GrpcConnection, GrpcCredentials, GrpcListener } from '@rpcplugin/transport-grpc';
import type { ConnInfo, ConnInfo__Output } from './generated/plugin/ConnInfo.js';
import { networks } from './networks.js';

type ConnInfoStream = ClientDuplexStream<ConnInfo, ConnInfo__Output> | ServerDuplexStream<ConnInfo__Output, ConnInfo>;

/** How long a dial waits for the other side to serve, in milliseconds, as in go-plugin. */
const DIAL_MS = 5000;

/**
 * go-plugin's broker: each side can serve more services, each under a number and on a listener of its own, and sends the
 * address to the other side on a stream. The application tells the other side the number.
 */
export class Broker {
  readonly #served = new Map<number, ConnInfo__Output>();
  readonly #arrivals = new EventEmitter().setMaxListeners(0);
  #lastService = 0;

  constructor(
    readonly stream: ConnInfoStream,
    readonly network: string,
    readonly credentials: GrpcCredentials,
  ) {
    stream.on('data', (info: ConnInfo__Output) => {
      this.#served.set(info.serviceId, info);
      this.#arrivals.emit(`${info.serviceId}`);
    });
    // It fails when the connection closes, or if the other side has no broker.
    stream.on('error', () => undefined);
  }

  /** A number that this side has not used yet. */
  nextService(): number {
    return ++this.#lastService;
  }

  /** Serves under a number until the listener is closed. */
  async serve(service: number, server: Server): Promise<GrpcListener> {
    const listener = await serveGrpc(server, negotiateTransport([this.network], networks), this.credentials.server);
    this.stream.write({ serviceId: service, ...toHandshakeAddress(listener.endpoint, listener.network) });
    return listener;
  }

  /** Connects to the service under a number, once the other side serves it. */
  async dial(service: number): Promise<GrpcConnection> {
    const signal = AbortSignal.timeout(DIAL_MS);
    let info = this.#served.get(service);
    for (; info === undefined; info = this.#served.get(service)) await once(this.#arrivals, `${service}`, { signal });
    this.#served.delete(service);
    return connectGrpc(
      negotiateTransport([info.network], networks),
      fromHandshakeAddress(info),
      this.credentials.channel,
    );
  }
}
