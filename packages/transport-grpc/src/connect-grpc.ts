import type { Channel, ChannelCredentials, ChannelOptions, ClientOptions } from '@grpc/grpc-js';
import {
  assertOptions,
  connectHints,
  durationOption,
  hostHints,
  Operation,
  toTransportError,
} from '@rpcplugin/transport-base';
import { channelOptionsFor } from './channel-options.js';
import type { ChannelSockets } from './channel-sockets.js';
import { openChannel, reachAddress, waitUntilReady } from './ready-channel.js';
import type { OpenChannel } from './ready-channel.js';
import { grpcTarget } from './target.js';

/** Options of {@link connectGrpc}. */
export interface ConnectGrpcOptions {
  /** Cancels a pending `connectGrpc` (`ABORTED`). Has no effect once it has settled. */
  signal?: AbortSignal | undefined;
  /** Time limit for the whole call, in milliseconds (`TIMEOUT`). `Infinity` means none. Default: 5000. */
  timeoutMs?: number | undefined;
  /**
   * How long, in milliseconds and within `timeoutMs`, to retry an endpoint that is missing or refuses. Default: unix
   * 1000, TCP 0. A target that gRPC resolves itself is retried for all of `timeoutMs`.
   */
  waitMs?: number | undefined;
  /**
   * The authority of calls, and with TLS the name that the server's certificate must be for. Default: `localhost` for
   * endpoints on this machine; otherwise gRPC's default.
   */
  authority?: string | undefined;
  /** Channel options that override those of `grpcChannelOptions`. */
  channelOptions?: ChannelOptions | undefined;
}

/** The class of a generated client, or of one made by `makeClientConstructor` or `loadPackageDefinition`. */
export type ClientConstructor<T> = new (address: string, credentials: ChannelCredentials, options?: ClientOptions) => T;

/** A connection to a gRPC server, for any number of clients. */
export interface GrpcConnection extends Disposable {
  /** The connected channel, for code that needs a channel. It reconnects by itself when the connection is lost. */
  readonly channel: Channel;
  /** Creates a client on this connection. Closing the client closes the connection. */
  client<T>(constructor: ClientConstructor<T>): T;
  /** Closes the connection once calls in progress have ended. Idempotent. */
  close(): void;
}

/**
 * Connects to a gRPC server at an endpoint. Resolves once calls can be made.
 *
 * Rejects with `INVALID_ENDPOINT`, `INVALID_ARGUMENT` or `PATH_TOO_LONG` before any I/O; with `NOT_FOUND`,
 * `CONNECTION_REFUSED`, `NOT_A_SOCKET`, `PERMISSION_DENIED` or another code if the endpoint cannot be reached; with
 * `IO` if it answers but HTTP/2 or TLS fails, such as for credentials that do not match; with `TIMEOUT` or `ABORTED`.
 * No connection stays open then.
 *
 * @param target - An endpoint, or a gRPC target that goes to grpc-js unchanged: with a scheme that no endpoint has
 *   (`dns:///…`, `xds:///…`) or with a list of addresses.
 */
export async function connectGrpc(
  target: string,
  credentials: ChannelCredentials,
  options: ConnectGrpcOptions = {},
): Promise<GrpcConnection> {
  assertOptions(options);
  const resolved = grpcTarget(target);
  const { address } = resolved;
  const timeoutMs = durationOption('timeoutMs', options.timeoutMs, 5000);
  const waitMs = durationOption('waitMs', options.waitMs, address?.network === 'unix' ? 1000 : 0);
  const channelOptions = { ...channelOptionsFor(resolved, options), ...options.channelOptions };
  const failure = `connect gRPC to ${resolved.target}`;
  const operation = new Operation(failure, { endpoint: resolved.target, signal: options.signal, timeoutMs });
  const open = (): OpenChannel => openChannel(resolved.target, credentials, channelOptions);
  try {
    const opened =
      address === undefined
        ? await waitUntilReady(open(), operation)
        : await reachAddress(address, open, operation, waitMs);
    return new Connection(opened, credentials);
  } catch (error) {
    throw toTransportError(error, failure, resolved.target, { ...connectHints, ...hostHints });
  } finally {
    operation.end();
  }
}

class Connection implements GrpcConnection {
  readonly channel: Channel;
  readonly #sockets: ChannelSockets;
  readonly #credentials: ChannelCredentials;

  constructor({ channel, sockets }: OpenChannel, credentials: ChannelCredentials) {
    this.channel = channel;
    this.#sockets = sockets;
    this.#credentials = credentials;
  }

  client<T>(constructor: ClientConstructor<T>): T {
    return new constructor(this.channel.getTarget(), this.#credentials, { channelOverride: this.channel });
  }

  close(): void {
    this.channel.close();
    this.#sockets.destroySilent();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
