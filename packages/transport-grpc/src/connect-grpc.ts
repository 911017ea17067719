import type { Channel, ChannelCredentials, ChannelOptions, ClientOptions } from '@grpc/grpc-js';
import {
  assertOptions,
  connectHints,
  durationOption,
  hostHints,
  Operation,
  toTransportError,
} from '@rpcplugin/transport-core';
import { channelOptionsFor } from './channel-options.js';
import type { ChannelSockets } from './channel-sockets.js';
import { openChannel, reachAddress, waitUntilReady } from './ready-channel.js';
import type { OpenChannel } from './ready-channel.js';
import { grpcTarget } from './target.js';

export interface ConnectGrpcOptions {
  /** Gives up a pending `connectGrpc` (`ABORTED`). Does nothing once it has settled. */
  signal?: AbortSignal | undefined;
  /** Bounds the whole call, in milliseconds (`TIMEOUT`). `Infinity` means no bound. Default: 5000. */
  timeoutMs?: number | undefined;
  /**
   * For how many milliseconds of `timeoutMs` an endpoint that is missing or refuses is tried again. Default: unix 1000, TCP 0.
   * A target with gRPC's own name resolution is tried for all of `timeoutMs`.
   */
  waitMs?: number | undefined;
  /**
   * The authority of calls, and under TLS the name that the server's certificate must be for. Default: `localhost` for
   * endpoints on this machine; else gRPC's.
   */
  authority?: string | undefined;
  /** Options for the channel that come before those of `grpcChannelOptions`. */
  channelOptions?: ChannelOptions | undefined;
}

/** The class of a generated client, or one that `makeClientConstructor` or `loadPackageDefinition` made. */
export type ClientConstructor<T> = new (address: string, credentials: ChannelCredentials, options?: ClientOptions) => T;

/** A connection to a gRPC server, with any number of clients on it. */
export interface GrpcConnection extends Disposable {
  /** The connected channel, for whatever takes one. It connects again by itself when the connection is lost. */
  readonly channel: Channel;
  /** A client on this connection. Closing it closes the connection. */
  client<T>(constructor: ClientConstructor<T>): T;
  /** Closes the connection; calls under way end first. Idempotent. */
  close(): void;
}

/**
 * Connects to a gRPC server at an endpoint, and resolves once calls can be made.
 *
 * @param target - An endpoint; or a gRPC target with a scheme that is not an endpoint's (`dns:///…`, `xds:///…`) or with a list of
 *   addresses, which goes to grpc-js untouched.
 *
 * Rejects with `INVALID_ENDPOINT`, `INVALID_ARGUMENT` and `PATH_TOO_LONG` before any I/O; with `NOT_FOUND`, `CONNECTION_REFUSED`,
 * `NOT_A_SOCKET`, `PERMISSION_DENIED` and the like if the endpoint can not be reached; with `IO` if it answers but
 * HTTP/2 or TLS fails, as when credentials do not match; with `TIMEOUT` or `ABORTED`. Then no connection stays behind.
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
