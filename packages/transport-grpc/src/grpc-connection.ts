import type { Channel, ChannelCredentials, ChannelOptions, ClientOptions } from '@grpc/grpc-js';
import { assertOptions, durationOption } from '@rpcplugin/transport-base';
import type { ChannelConnections } from './channel-connections.js';
import { GrpcChannel } from './grpc-channel.js';
import { hookConnections } from './grpc-js-hooks.js';
import type { GrpcPeers } from './peers.js';

/** The class of a generated client, or of one made by `makeClientConstructor` or `loadPackageDefinition`. */
export type ClientConstructor<T> = new (address: string, credentials: ChannelCredentials, options?: ClientOptions) => T;

/** Options of `close`, of {@link GrpcListener} and {@link GrpcConnection}. */
export interface CloseGrpcOptions {
  /**
   * The grace period in milliseconds: how long calls in progress may take to finish before they are cut off. While a
   * close is in progress, another call can shorten its grace period but not lengthen it. Default: 1000. A go-plugin
   * host waits 2000 before it kills a plugin.
   */
  readonly graceMs?: number | undefined;
}

/** A connection to a gRPC server, for any number of clients. */
export interface GrpcConnection extends GrpcPeers, AsyncDisposable {
  /**
   * The connected channel, for code that needs a channel. When its connection is lost, the next call dials a new one.
   * Closing it closes the connection.
   */
  readonly channel: Channel;
  /** Creates a client on this connection. Closing the client closes the connection. */
  client<T>(constructor: ClientConstructor<T>): T;
  /**
   * Starts no more calls, lets those in progress finish, and cuts off those that take longer than `graceMs` with
   * `UNAVAILABLE`, like later calls. Afterwards nothing keeps the process alive. Idempotent; concurrent callers share
   * one outcome.
   */
  close(options?: CloseGrpcOptions): Promise<void>;
}

/** The grace period of a `close`, in milliseconds. @throws TransportError `INVALID_ARGUMENT` */
export function graceOption(options: CloseGrpcOptions): number {
  assertOptions(options);
  return durationOption('graceMs', options.graceMs, 1000);
}

/** A channel with its connections, connected or not. */
export class ChannelConnection implements GrpcConnection {
  readonly channel: GrpcChannel;
  readonly #credentials: ChannelCredentials;
  readonly #connections: ChannelConnections;
  readonly #onClose: () => void;

  /**
   * @param endpoint - The endpoint or target that errors name.
   * @param onClose - Called once, when the connection begins to close.
   * @throws TransportError `INVALID_ARGUMENT` for credentials or options that grpc-js rejects, `UNSUPPORTED`.
   */
  constructor(
    target: string,
    endpoint: string,
    credentials: ChannelCredentials,
    options: ChannelOptions,
    connections: ChannelConnections,
    onClose: () => void = () => undefined,
  ) {
    this.channel = new GrpcChannel(target, endpoint, hookConnections(credentials, connections), options, () => {
      void this.close();
    });
    connections.channel = this.channel;
    this.#credentials = credentials;
    this.#connections = connections;
    this.#onClose = onClose;
  }

  client<T>(constructor: ClientConstructor<T>): T {
    return new constructor(this.channel.getTarget(), this.#credentials, { channelOverride: this.channel });
  }

  get connections(): number {
    return this.#connections.peers.connections;
  }

  onDisconnect(listener: (connections: number) => void): () => void {
    return this.#connections.peers.onDisconnect(listener);
  }

  async close(options: CloseGrpcOptions = {}): Promise<void> {
    await this.#connections.close(graceOption(options), () => {
      this.channel.shutDown();
      this.#onClose();
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
