import type { Readable, Writable } from 'node:stream';
import type { Server } from '@grpc/grpc-js';
import { fromHandshakeAddress, toHandshakeAddress } from '@rpcplugin/endpoint-utils';
import type { AddressTranslator, HandshakeAddress } from '@rpcplugin/endpoint-utils';
import { assertOptions, CONNECT_TIMEOUT_MS, durationOption, Operation } from '@rpcplugin/transport-base';
import { negotiateTransport, TransportError } from '@rpcplugin/transport-core';
import type { Transport, TransportFactory } from '@rpcplugin/transport-core';
import { connectGrpc } from './connect-grpc.js';
import type { CloseGrpcOptions, GrpcConnection } from './grpc-connection.js';
import type { GrpcCredentials } from './mutual-tls.js';
import { serveGrpc } from './serve-grpc.js';
import type { GrpcListener } from './serve-grpc.js';
import { translate } from './translated.js';

/** Where one side serves a service: go-plugin's message `ConnInfo`. */
export interface BrokeredService extends HandshakeAddress {
  /** The number under which the side that serves it has announced it. */
  readonly serviceId: number;
}

/** How many announcements to keep that are not dialled yet; older ones are dropped. go-plugin keeps each for 5 s. */
const MAX_ANNOUNCED = 1000;
/** The longest network name and address to keep, in UTF-16 code units. Those of real networks are far shorter. */
const MAX_ADDRESS_LENGTH = 4096;

/** How a {@link GrpcBroker} serves and dials. */
export interface GrpcBrokerOptions {
  /** The network to serve on. */
  readonly network: string;
  /** For that network, and for those that the other side serves on. */
  readonly transports: readonly TransportFactory[];
  /** The credentials of this side, as {@link mutualTls} makes them. */
  readonly credentials: GrpcCredentials;
  /**
   * For the broker of a host whose plugin sees other addresses, such as in a container: translates what either side
   * serves. The host's transports have to listen where the plugin can reach them. Default: none.
   */
  readonly translator?: AddressTranslator | undefined;
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
  /** What the other side serves and this one has not dialled. */
  readonly #served = new Map<number, BrokeredService>();
  readonly #listeners = new Map<GrpcListener, Transport>();
  readonly #dials = new Map<Operation, { service: number; resolve: (info: BrokeredService) => void }>();
  #lastService = 0;

  /** @param stream - A call of go-plugin's `GRPCBroker.StartStream`, of the server or the client. */
  constructor(stream: Readable & Writable, options: GrpcBrokerOptions) {
    assertOptions(options);
    this.#options = options;
    this.#stream = stream
      .on('data', (info: BrokeredService) => {
        this.#onAnnounced(info);
      })
      // It fails when the connection is lost, or if the other side has no broker.
      .on('error', (cause) => {
        this.#fail(cause);
      })
      .on('close', () => {
        this.#fail();
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
   * Serves under a number, until the listener or the broker is closed, and tells the other side. Rejects as {@link
   * serveGrpc} does, with `CLOSED` if the other side has ended its broker or this one was closed, and with
   * `UNSUPPORTED` if there is no transport for the network.
   */
  async serve(service: number, server: Server): Promise<GrpcListener> {
    const { network, transports, credentials, translator } = this.#options;
    const transport = negotiateTransport([network], transports);
    const listener = await serveGrpc(server, transport, credentials.server);
    try {
      const endpoint = translate(translator, 'hostToPlugin', listener.endpoint);
      const info = { serviceId: service, ...toHandshakeAddress(endpoint, listener.network) };
      if (!this.#stream.writable) throw closedError();
      this.#stream.write(info satisfies BrokeredService);
    } catch (error) {
      await listener.close({ graceMs: 0 });
      throw error;
    }
    // Those that were closed have no endpoint any more.
    for (const [each, { endpoint }] of this.#listeners) if (endpoint === undefined) this.#listeners.delete(each);
    this.#listeners.set(listener, transport);
    return listener;
  }

  /**
   * Connects, once, to what the other side serves under a number. Waits until it does. Rejects as {@link connectGrpc}
   * does, with `CLOSED` if the other side ends its broker before, and with `UNSUPPORTED` if there is no transport for
   * its network.
   */
  async dial(service: number, options: DialServiceOptions = {}): Promise<GrpcConnection> {
    assertOptions(options);
    const timeoutMs = durationOption('timeoutMs', options.timeoutMs, CONNECT_TIMEOUT_MS);
    const deadline = performance.now() + timeoutMs;
    const info = await this.#announced(service, timeoutMs, options.signal);
    const { transports, credentials, translator } = this.#options;
    return connectGrpc(
      negotiateTransport([info.network], transports),
      fromHandshakeAddress(info),
      credentials.channel,
      // Certificates are for this name, as in go-plugin, whatever the address.
      {
        authority: 'localhost',
        signal: options.signal,
        timeoutMs: Math.max(0, deadline - performance.now()),
        translator,
      },
    );
  }

  /**
   * Ends this side of the stream, and closes what this side serves, with the calls in progress. What it has dialled
   * goes on. Idempotent.
   */
  async close(options: CloseGrpcOptions = {}): Promise<void> {
    this.#stream.end();
    await Promise.all([...this.#listeners.keys()].map((listener) => listener.close(options)));
  }

  #onAnnounced(info: BrokeredService): void {
    const waiting = [...this.#dials].find(([, { service }]) => service === info.serviceId);
    if (waiting !== undefined) {
      const [operation, { resolve }] = waiting;
      this.#dials.delete(operation);
      resolve(info);
      return;
    }
    // The other side may be hostile, and must not fill the memory of this one.
    const { network, address } = info;
    if (network.length + address.length > MAX_ADDRESS_LENGTH) return;
    this.#served.set(info.serviceId, info);
    const [oldest] = this.#served.keys();
    if (this.#served.size > MAX_ANNOUNCED && oldest !== undefined) this.#served.delete(oldest);
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
