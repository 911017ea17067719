import type { Readable, Writable } from 'node:stream';
import type { Server } from '@grpc/grpc-js';
import { fromHandshakeAddress, toHandshakeAddress } from '@rpcplugin/endpoint-utils';
import type { HandshakeAddress } from '@rpcplugin/endpoint-utils';
import { assertOptions, durationOption, Operation } from '@rpcplugin/transport-base';
import { negotiateTransport, TransportError } from '@rpcplugin/transport-core';
import type { TransportFactory } from '@rpcplugin/transport-core';
import { connectGrpc } from './connect-grpc.js';
import type { GrpcConnection } from './grpc-connection.js';
import type { GrpcCredentials } from './mutual-tls.js';
import { serveGrpc } from './serve-grpc.js';
import type { GrpcListener } from './serve-grpc.js';

/** Where one side serves a service: go-plugin's message `ConnInfo`. */
export interface BrokeredService extends HandshakeAddress {
  readonly serviceId: number;
}

/** How a {@link GrpcBroker} serves and dials. */
export interface GrpcBrokerOptions {
  /** The network to serve on. */
  readonly network: string;
  /** For that network, and for those that the other side serves on. */
  readonly transports: readonly TransportFactory[];
  /** The credentials of this side, as {@link mutualTls} makes them. */
  readonly credentials: GrpcCredentials;
}

/** Options of {@link GrpcBroker.dial}. */
export interface DialServiceOptions {
  /** Cancels a pending `dial` (`ABORTED`). Has no effect once it has settled. */
  readonly signal?: AbortSignal | undefined;
  /** Time limit in milliseconds, also for the other side to serve (`TIMEOUT`). Default: 5000, as in go-plugin. */
  readonly timeoutMs?: number | undefined;
}

/**
 * go-plugin's broker ({@link https://github.com/hashicorp/go-plugin/blob/main/grpc_broker.go | grpc_broker.go}): each
 * side serves more services to the other, each under a number and on a listener of its own, and sends the address on a
 * stream. The application has to tell the other side the number.
 */
export class GrpcBroker {
  readonly #stream: Readable & Writable;
  readonly #options: GrpcBrokerOptions;
  readonly #served = new Map<number, BrokeredService>();
  readonly #dials = new Map<Operation, { service: number; resolve: (info: BrokeredService) => void }>();
  #lastService = 0;

  /** @param stream - A call of go-plugin's `GRPCBroker.StartStream`, of the server or the client. */
  constructor(stream: Readable & Writable, options: GrpcBrokerOptions) {
    assertOptions(options);
    this.#options = options;
    this.#stream = stream
      .on('data', (info: BrokeredService) => {
        const waiting = [...this.#dials.values()].find(({ service }) => service === info.serviceId);
        if (waiting === undefined) this.#served.set(info.serviceId, info);
        else waiting.resolve(info);
      })
      // It fails when the connection is lost, or if the other side has no broker.
      .on('error', (cause) => {
        this.#fail(cause);
      })
      .on('end', () => {
        this.#fail();
        // The server has to end its side of the call as well.
        stream.end();
      });
  }

  /** A number that this side has not used yet. */
  nextService(): number {
    return ++this.#lastService;
  }

  /**
   * Serves under a number, until the listener is closed, and tells the other side. Rejects as {@link serveGrpc} does,
   * and with `UNSUPPORTED` if there is no transport for the network.
   */
  async serve(service: number, server: Server): Promise<GrpcListener> {
    const { network, transports, credentials } = this.#options;
    const listener = await serveGrpc(server, negotiateTransport([network], transports), credentials.server);
    const info = { serviceId: service, ...toHandshakeAddress(listener.endpoint, listener.network) };
    this.#stream.write(info satisfies BrokeredService);
    return listener;
  }

  /**
   * Connects, once, to what the other side serves under a number. Waits until it does. Rejects as {@link connectGrpc}
   * does, with `CLOSED` if the other side ends its broker before, and with `UNSUPPORTED` if there is no transport for
   * its network.
   */
  async dial(service: number, options: DialServiceOptions = {}): Promise<GrpcConnection> {
    assertOptions(options);
    const timeoutMs = durationOption('timeoutMs', options.timeoutMs, 5000);
    const deadline = performance.now() + timeoutMs;
    const info = await this.#announced(service, timeoutMs, options.signal);
    const { transports, credentials } = this.#options;
    return connectGrpc(
      negotiateTransport([info.network], transports),
      fromHandshakeAddress(info),
      credentials.channel,
      { signal: options.signal, timeoutMs: Math.max(0, deadline - performance.now()) },
    );
  }

  /** Ends this side of the stream: the other side gets nothing more. What is served or connected goes on. */
  end(): void {
    this.#stream.end();
  }

  async #announced(service: number, timeoutMs: number, signal: AbortSignal | undefined): Promise<BrokeredService> {
    const served = this.#served.get(service);
    this.#served.delete(service);
    if (served !== undefined) return served;
    if (this.#stream.readableEnded || this.#stream.destroyed) throw closedError();
    const timeoutHint = 'The other side has not served it. Is it the right number, and does that side know of it?';
    const operation = new Operation(`dial the brokered service ${service}`, { signal, timeoutMs, timeoutHint });
    try {
      return await new Promise<BrokeredService>((resolve, reject) => {
        this.#dials.set(operation, { service, resolve });
        operation.onCancel(reject);
      });
    } finally {
      this.#dials.delete(operation);
      operation.end();
    }
  }

  #fail(cause?: Error): void {
    for (const operation of this.#dials.keys()) operation.cancel(closedError(cause));
  }
}

function closedError(cause?: Error): TransportError {
  return new TransportError('CLOSED', 'the other side has no broker, or has ended it', { cause });
}
