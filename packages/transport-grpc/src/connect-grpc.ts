import type { Duplex } from 'node:stream';
import { connectivityState } from '@grpc/grpc-js';
import type { Channel, ChannelCredentials, ChannelOptions } from '@grpc/grpc-js';
import type { AddressTranslator } from '@rpcplugin/endpoint-utils';
import {
  assertOptions,
  CONNECT_TIMEOUT_MS,
  durationOption,
  errorCodeOf,
  messageOf,
  Operation,
  toTransportError,
} from '@rpcplugin/transport-base';
import { TransportError } from '@rpcplugin/transport-core';
import type { Transport } from '@rpcplugin/transport-core';
import { clientPingInterval } from './call-pings.js';
import { ChannelConnections, SILENT_SERVER_HINT } from './channel-connections.js';
import { dialledChannelOptions } from './channel-options.js';
import { ChannelConnection } from './grpc-connection.js';
import type { GrpcConnection } from './grpc-connection.js';
import { dialledOptions, dialledTarget } from './grpc-js-hooks.js';
import { translate, withPluginEndpoint } from './translated.js';
import { unsupported } from './unsupported.js';

/** Options of {@link connectGrpc}. */
export interface ConnectGrpcOptions {
  /** Cancels a pending `connectGrpc` (`ABORTED`). Has no effect once it has settled. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Time limit for the whole call, in milliseconds (`TIMEOUT`), and for each later connection of the channel.
   * `Infinity` means none. Default: 5000.
   */
  readonly timeoutMs?: number | undefined;
  /**
   * How long, in milliseconds and within `timeoutMs`, to retry an endpoint that is missing or refuses, for the first
   * and each later connection of the channel. Calls wait meanwhile. Default: that of the transport; unix 1000, TCP 0.
   */
  readonly waitMs?: number | undefined;
  /**
   * The authority of calls, and with TLS the name that the server's certificate must be for. Default: the host of a TCP
   * endpoint on another machine, otherwise `localhost`, as in go-plugin.
   */
  readonly authority?: string | undefined;
  /**
   * How often to ping the server over TCP while calls are in progress, in milliseconds. If nothing arrives for as long
   * after a ping, 50 s at most, the connection is lost. `Infinity` means never. Default: 310000, because servers in
   * Go disconnect clients that ping more often than every five minutes; `Infinity` if `channelOptions` have
   * `grpc.keepalive_time_ms`, gRPC's own pings.
   */
  readonly pingIntervalMs?: number | undefined;
  /**
   * Translates the endpoint, which is the plugin's, to the one that the transport dials, such as for a plugin in a
   * container. Default: none.
   */
  readonly translator?: AddressTranslator | undefined;
  /** Channel options that override those of `grpcChannelOptions`. The load balancing policy is not among them. */
  readonly channelOptions?: ChannelOptions | undefined;
}

/**
 * Connects to a gRPC server at an endpoint of a transport. Resolves once calls can be made.
 *
 * The transport dials every connection of the channel: this first one, and a new one for the first call after a
 * connection was lost. So it must stay open; closing the connection leaves it open. TLS and mutual TLS work on any
 * transport.
 *
 * Rejects like the transport's `connect`; with `IO` if the endpoint answers but HTTP/2 or TLS fails, such as for
 * credentials that do not match; with `INVALID_ARGUMENT` for credentials or channel options that grpc-js rejects; with
 * `UNSUPPORTED` if it cannot dial for this version of grpc-js, and on Bun. No connection stays open then. With a
 * `translator`, also with what that throws, and errors name both endpoints.
 */
export async function connectGrpc(
  transport: Transport,
  endpoint: string,
  credentials: ChannelCredentials,
  options: ConnectGrpcOptions = {},
): Promise<GrpcConnection> {
  assertOptions(options);
  const dialled = translate(options.translator, 'pluginToHost', endpoint);
  try {
    return await connectTo(translated(transport, endpoint, dialled), dialled, credentials, options);
  } catch (error) {
    throw withPluginEndpoint(error, endpoint, dialled);
  }
}

/** What dials: its errors, which calls show, name what the plugin listens on as well. */
type Connector = Pick<Transport, 'network' | 'connect'>;

function translated(transport: Transport, pluginEndpoint: string, hostEndpoint: string): Connector {
  if (pluginEndpoint === hostEndpoint) return transport;
  return {
    network: transport.network,
    connect: async (endpoint, options) => {
      try {
        return await transport.connect(endpoint, options);
      } catch (error) {
        throw withPluginEndpoint(error, pluginEndpoint, hostEndpoint);
      }
    },
  };
}

async function connectTo(
  transport: Connector,
  endpoint: string,
  credentials: ChannelCredentials,
  options: ConnectGrpcOptions,
): Promise<GrpcConnection> {
  const timeoutMs = durationOption('timeoutMs', options.timeoutMs, CONNECT_TIMEOUT_MS);
  const pingIntervalMs = clientPingInterval(options);
  const deadline = performance.now() + timeoutMs;
  const target = dialledTarget(endpoint);
  const channelOptions = optionsFor(transport, endpoint, options);
  let failure: unknown;
  for (let failures = 0; ; failures++) {
    const attempt = new Attempt(transport, endpoint, { ...options, timeoutMs, pingIntervalMs });
    const { connections } = attempt;
    const connection = new ChannelConnection(target, endpoint, credentials, channelOptions, connections, () => {
      attempt.stopDialling();
    });
    try {
      const dialled = await attempt.dialFirst(deadline);
      // Dialled once more, because the listener may have been one that was about to close.
      if (failures === 2) throw handshakeError(endpoint, failure);
      if (await attempt.makesReady(connection.channel, dialled, deadline)) return connection;
      failure = connections.failure;
    } catch (error) {
      await connection.close({ graceMs: 0 });
      // A transport with one connection cannot dial again. Why that one failed says more.
      if (failure !== undefined && errorCodeOf(error) === 'CLOSED') throw handshakeError(endpoint, failure);
      throw toTransportError(error, `connect gRPC to ${endpoint}`, endpoint);
    }
    await connection.close({ graceMs: 0 });
  }
}

function optionsFor(
  { network }: Connector,
  endpoint: string,
  { authority, channelOptions }: ConnectGrpcOptions,
): ChannelOptions {
  const defaults = dialledChannelOptions(network, endpoint, authority);
  try {
    return dialledOptions({ ...defaults, ...channelOptions });
  } catch (error) {
    throw new TransportError('INVALID_ARGUMENT', `grpc.service_config is not JSON: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** One attempt to connect a channel, and what dials for it afterwards. */
class Attempt {
  readonly connections: ChannelConnections;
  readonly #transport: Connector;
  readonly #endpoint: string;
  readonly #options: ConnectGrpcOptions;
  readonly #closing = new AbortController();

  constructor(
    transport: Connector,
    endpoint: string,
    options: ConnectGrpcOptions & { timeoutMs: number; pingIntervalMs: number },
  ) {
    this.#transport = transport;
    this.#endpoint = endpoint;
    this.#options = options;
    const { timeoutMs, pingIntervalMs } = options;
    this.connections = new ChannelConnections(timeoutMs, pingIntervalMs, () =>
      this.#dial(timeoutMs, this.#closing.signal),
    );
  }

  #dial(timeoutMs: number, signal: AbortSignal | undefined): Promise<Duplex> {
    return this.#transport.connect(this.#endpoint, { waitMs: this.#options.waitMs, timeoutMs, signal });
  }

  /** Makes no more connections. */
  stopDialling(): void {
    this.#closing.abort();
  }

  /** Dials the first connection, for the channel to use. */
  async dialFirst(deadline: number): Promise<Duplex> {
    const connection = await this.#dial(leftMs(deadline), this.#options.signal);
    this.connections.supply(connection);
    return connection;
  }

  /** Resolves with whether the channel is ready for calls on its first connection. If not, that closed. */
  async makesReady(channel: Channel, connection: Duplex, deadline: number): Promise<boolean> {
    const { signal } = this.#options;
    const endpoint = this.#endpoint;
    const operation = new Operation(`start gRPC with ${endpoint}`, {
      endpoint,
      signal,
      timeoutMs: Math.ceil(leftMs(deadline)),
      timeoutHint: SILENT_SERVER_HINT,
    });
    try {
      return await new Promise<boolean>((resolve, reject) => {
        operation.onCancel(reject);
        connection.once('close', () => {
          resolve(false);
        });
        const watch = (): void => {
          const state = channel.getConnectivityState(false);
          if (state === connectivityState.READY) resolve(true);
          else if (state === connectivityState.TRANSIENT_FAILURE && this.connections.next === connection) {
            reject(unsupported('it did not use the connection'));
          } else if (state !== connectivityState.SHUTDOWN) channel.watchConnectivityState(state, Infinity, watch);
        };
        watch();
        channel.getConnectivityState(true);
      });
    } finally {
      operation.end();
    }
  }
}

function leftMs(deadline: number): number {
  return Math.max(0, deadline - performance.now());
}

function handshakeError(
  endpoint: string,
  cause: unknown = new Error('the connection closed before HTTP/2 began'),
): TransportError {
  return new TransportError(
    'IO',
    `${endpoint} accepts connections, but the gRPC handshake fails: ${messageOf(cause)}`,
    {
      endpoint,
      hint: 'Check that the credentials of both sides match, and that the other side is a gRPC server.',
      cause,
    },
  );
}
