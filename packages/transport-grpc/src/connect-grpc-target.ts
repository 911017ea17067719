import { Client, connectivityState, credentials as channelCredentials } from '@grpc/grpc-js';
import type { Channel, ChannelCredentials, ChannelOptions } from '@grpc/grpc-js';
import {
  assertOptions,
  CONNECT_TIMEOUT_MS,
  durationOption,
  Operation,
  toTransportError,
} from '@rpcplugin/transport-base';
import { TransportError } from '@rpcplugin/transport-core';
import { clientPingInterval } from './call-pings.js';
import { ChannelConnections, SILENT_SERVER_HINT } from './channel-connections.js';
import { targetChannelOptions } from './channel-options.js';
import { ChannelConnection } from './grpc-connection.js';
import type { GrpcConnection } from './grpc-connection.js';

/** Options of {@link connectGrpcTarget}. */
export interface ConnectGrpcTargetOptions {
  /** Cancels a pending `connectGrpcTarget` (`ABORTED`). Has no effect once it has settled. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Time limit for the whole call, in milliseconds (`TIMEOUT`), and for the handshakes of each later connection.
   * `Infinity` means none. Default: 5000.
   */
  readonly timeoutMs?: number | undefined;
  /**
   * The authority of calls, and with TLS the name that the server's certificate must be for. Default: gRPC's default,
   * usually the host.
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
   * Channel options that override the defaults: a subchannel pool of its own, no receive limit, a 4 MiB window, and no
   * HTTP proxy unless the target is one host.
   */
  readonly channelOptions?: ChannelOptions | undefined;
}

/**
 * Connects to a target that gRPC resolves and dials itself: `dns:///host:port`, `xds:///service`, a list such as
 * `ipv4:10.0.0.1:1,10.0.0.2:1`. The target goes to grpc-js unchanged, with gRPC's name resolution, load balancing,
 * back-off and idle disconnect, and for a single host its proxy. Retries for all of `timeoutMs`, and resolves once
 * calls can be made.
 *
 * Rejects with `INVALID_ARGUMENT` for a target, credentials or options that cannot be used; with `UNSUPPORTED` for a
 * unix socket on Windows, where `unix:` can only be followed by the name of a pipe; with `TIMEOUT`, whose cause is the
 * latest failure; with `ABORTED`. No connection stays open then.
 */
export async function connectGrpcTarget(
  target: string,
  credentials: ChannelCredentials,
  options: ConnectGrpcTargetOptions = {},
): Promise<GrpcConnection> {
  assertOptions(options);
  assertSupported(target);
  const { signal, authority } = options;
  const timeoutMs = durationOption('timeoutMs', options.timeoutMs, CONNECT_TIMEOUT_MS);
  const pingIntervalMs = clientPingInterval(options);
  const channelOptions = { ...targetChannelOptions(target, authority), ...options.channelOptions };
  const name = `connect gRPC to ${target}`;
  const connections = new ChannelConnections(timeoutMs, pingIntervalMs);
  const operation = new Operation(name, {
    endpoint: target,
    signal,
    timeoutMs,
    get timeoutHint() {
      return connections.peers.size > 0 ? SILENT_SERVER_HINT : NO_SERVER_HINT;
    },
  });
  let connection: ChannelConnection | undefined;
  try {
    connection = new ChannelConnection(target, target, credentials, channelOptions, connections);
    await isReady(connection.channel, operation);
    return connection;
  } catch (error) {
    await connection?.close({ graceMs: 0 });
    throw toTransportError(error, name, target);
  } finally {
    operation.end();
  }
}

const NO_SERVER_HINT =
  'No connection is open. Is a gRPC server alive there? The cause says why the latest attempt failed, if one did.';

/** On Windows, grpc-js would look for a pipe of that name until the time limit. */
function assertSupported(target: string): void {
  const isSocket = /^unix:(?!(\/\/)?[\\/]{2}[.?][\\/]pipe[\\/])/i.test(target);
  if (process.platform !== 'win32' || !isSocket) return;
  throw new TransportError('UNSUPPORTED', `connect gRPC to ${target}: Windows has no unix sockets`, {
    endpoint: target,
    hint: 'Use a TCP target.',
  });
}

/** Resolves once the channel is connected. Retries until then. */
async function isReady(channel: Channel, operation: Operation): Promise<void> {
  let state = channel.getConnectivityState(true);
  while (state !== connectivityState.READY) {
    if (state === connectivityState.TRANSIENT_FAILURE) operation.attemptFailed(await lastError(channel));
    state = await stateAfter(state, channel, operation);
  }
}

function stateAfter(state: connectivityState, channel: Channel, operation: Operation): Promise<connectivityState> {
  operation.throwIfCancelled();
  return new Promise((resolve, reject) => {
    const removeListener = operation.onCancel(reject);
    channel.watchConnectivityState(state, Infinity, () => {
      removeListener();
      resolve(channel.getConnectivityState(true));
    });
  });
}

/** Resolves with why the channel failed. The channel tells only a call, which fails at once. */
function lastError(channel: Channel): Promise<unknown> {
  const client = new Client(channel.getTarget(), channelCredentials.createInsecure(), { channelOverride: channel });
  const nothing = (): Buffer => Buffer.alloc(0);
  return new Promise((resolve) => {
    client.makeUnaryRequest('/', nothing, nothing, undefined, { deadline: Date.now() + 100 }, resolve);
  });
}
