import { Channel, Client, connectivityState, credentials } from '@grpc/grpc-js';
import type { ChannelCredentials, ChannelOptions } from '@grpc/grpc-js';
import { formatEndpoint } from '@rpcplugin/endpoint-utils';
import type { Endpoint } from '@rpcplugin/endpoint-utils';
import { connectSocket, dial, explainLookup, messageOf } from '@rpcplugin/transport-base';
import type { Dialer, Operation } from '@rpcplugin/transport-base';
import { TransportError } from '@rpcplugin/transport-core';
import { ChannelSockets } from './channel-sockets.js';

/** A channel and its sockets. */
export interface OpenChannel {
  readonly channel: Channel;
  readonly sockets: ChannelSockets;
}

/**
 * Creates a channel that tracks its sockets.
 *
 * @throws TransportError `INVALID_ARGUMENT` for credentials or options that grpc-js rejects.
 */
export function openChannel(target: string, credentials: ChannelCredentials, options: ChannelOptions): OpenChannel {
  const sockets = new ChannelSockets();
  try {
    return { channel: new Channel(target, sockets.watch(credentials), options), sockets };
  } catch (error) {
    throw new TransportError('INVALID_ARGUMENT', `grpc-js cannot create the channel: ${messageOf(error)}`, {
      endpoint: target,
      hint: 'Give credentials made by the same copy of @grpc/grpc-js, such as credentials.createInsecure().',
      cause: error,
    });
  }
}

/**
 * Opens a channel to one address and resolves with it once it is connected.
 *
 * A channel that fails does not report why in a usable way, and pauses before it retries. So after a failure a plain
 * socket finds out why, or waits until the address accepts connections, and a new channel starts at once.
 */
export async function reachAddress(
  address: Endpoint,
  open: () => OpenChannel,
  operation: Operation,
  waitMs: number,
): Promise<OpenChannel> {
  const waitUntil = performance.now() + waitMs;
  let failure: unknown;
  for (let handshakes = 0; ;) {
    const opened = open();
    let isReady = false;
    try {
      isReady = await becomesReady(opened.channel, operation.signal);
      if (isReady) return opened;
      failure = await lastError(opened.channel);
      operation.attemptFailed(failure);
    } finally {
      if (!isReady) giveUp(opened);
    }
    await probe(address, operation, waitUntil - performance.now());
    // A channel that never connected, such as with a full backlog, has not failed a handshake. The first failure may be
    // due to another listener, which has closed since.
    if (opened.sockets.hasConnected && ++handshakes === 2) throw handshakeError(formatEndpoint(address), failure);
  }
}

/** Resolves once the channel is connected. Retries until then. */
export async function waitUntilReady(opened: OpenChannel, operation: Operation): Promise<OpenChannel> {
  const { channel } = opened;
  try {
    while (!(await becomesReady(channel, operation.signal))) {
      operation.attemptFailed(await lastError(channel));
      await stateAfter(connectivityState.TRANSIENT_FAILURE, channel, operation.signal);
    }
    return opened;
  } catch (error) {
    giveUp(opened);
    throw error;
  }
}

function giveUp({ channel, sockets }: OpenChannel): void {
  channel.close();
  sockets.abandon();
}

/** Lets the channel make one attempt, and resolves with whether it succeeded. */
async function becomesReady(channel: Channel, signal: AbortSignal): Promise<boolean> {
  let state = channel.getConnectivityState(true);
  while (state !== connectivityState.READY && state !== connectivityState.TRANSIENT_FAILURE) {
    state = await stateAfter(state, channel, signal);
  }
  return state === connectivityState.READY;
}

function stateAfter(state: connectivityState, channel: Channel, signal: AbortSignal): Promise<connectivityState> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', onAbort);
    channel.watchConnectivityState(state, Infinity, () => {
      signal.removeEventListener('abort', onAbort);
      // Asking a channel that was closed in the meantime would make it reconnect.
      resolve(signal.aborted ? state : channel.getConnectivityState(true));
    });
  });
}

/** Resolves with why the channel failed. The channel tells only a call, which fails at once. */
function lastError(channel: Channel): Promise<unknown> {
  const client = new Client(channel.getTarget(), credentials.createInsecure(), { channelOverride: channel });
  const nothing = (): Buffer => Buffer.alloc(0);
  return new Promise((resolve) => {
    client.makeUnaryRequest('/', nothing, nothing, undefined, { deadline: Date.now() + 100 }, resolve);
  });
}

/** Resolves once the address accepts a connection. Rejects with an error that says why it does not. */
async function probe(address: Endpoint, operation: Operation, waitMs: number): Promise<void> {
  const path = address.network === 'unix' ? address.path : undefined;
  const options = address.network === 'unix' ? { path: address.path } : { host: address.host, port: address.port };
  const dialer: Dialer = {
    endpoint: formatEndpoint(address),
    path,
    retryMs: path === undefined ? 8 : 2,
    attempt: (context) =>
      connectSocket(options, context).catch((error: unknown) => {
        throw explainLookup(error);
      }),
  };
  const socket = await dial(dialer, { allowHalfOpen: false, operation }, waitMs);
  socket.destroy();
}

function handshakeError(endpoint: string, cause: unknown): TransportError {
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
