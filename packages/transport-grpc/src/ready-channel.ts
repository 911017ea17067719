import { Channel, Client, connectivityState, credentials } from '@grpc/grpc-js';
import type { ChannelCredentials, ChannelOptions } from '@grpc/grpc-js';
import { formatEndpoint } from '@rpcplugin/endpoint-utils';
import type { Endpoint } from '@rpcplugin/endpoint-utils';
import { connectSocket, dial, lookupFailure, messageOf, TransportError } from '@rpcplugin/transport-core';
import type { Operation } from '@rpcplugin/transport-core';
import { ChannelSockets } from './channel-sockets.js';

/** A channel, and the sockets that it connects. */
export interface OpenChannel {
  readonly channel: Channel;
  readonly sockets: ChannelSockets;
}

/** @throws TransportError `INVALID_ARGUMENT` for credentials or options that grpc-js does not take. */
export function openChannel(target: string, credentials: ChannelCredentials, options: ChannelOptions): OpenChannel {
  const sockets = new ChannelSockets();
  try {
    return { channel: new Channel(target, sockets.watch(credentials), options), sockets };
  } catch (error) {
    throw new TransportError('INVALID_ARGUMENT', `grpc-js refuses to make the channel: ${messageOf(error)}`, {
      endpoint: target,
      hint: 'Give credentials made by the same copy of @grpc/grpc-js, such as credentials.createInsecure().',
      cause: error,
    });
  }
}

/**
 * Opens a channel to one address and resolves with it once it is connected. A channel does not say in a usable way why it failed, and
 * leaves pauses before it tries again. So when one fails, a plain socket finds out why, or waits until somebody accepts
 * connections, and a new channel begins at once.
 */
export async function reachAddress(
  address: Endpoint,
  open: () => OpenChannel,
  operation: Operation,
  waitMs: number,
): Promise<OpenChannel> {
  const waitUntil = performance.now() + waitMs;
  for (let handshakes = 0; ;) {
    const opened = open();
    let isReady = false;
    try {
      isReady = await becomesReady(opened.channel, operation.signal);
      if (isReady) return opened;
      operation.lastFailure = await lastError(opened.channel);
    } finally {
      if (!isReady) giveUp(opened);
    }
    await probe(address, operation, waitUntil - performance.now());
    // Not if it never got as far as that, for a full backlog say; and the listener may have been another one the first time.
    if (opened.sockets.hasConnected && ++handshakes === 2)
      throw handshakeError(formatEndpoint(address), operation.lastFailure);
  }
}

/** Resolves once the channel is connected, however often it has to try. */
export async function waitUntilReady(opened: OpenChannel, operation: Operation): Promise<OpenChannel> {
  const { channel } = opened;
  try {
    while (!(await becomesReady(channel, operation.signal))) {
      operation.lastFailure = await lastError(channel);
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

/** Lets the channel try once; whether that succeeded. */
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
      // To ask a channel that was closed meanwhile would make it connect again.
      resolve(signal.aborted ? state : channel.getConnectivityState(true));
    });
  });
}

/** Why the channel failed. It says so only to a call, which fails at once. */
function lastError(channel: Channel): Promise<unknown> {
  const client = new Client(channel.getTarget(), credentials.createInsecure(), { channelOverride: channel });
  const nothing = (): Buffer => Buffer.alloc(0);
  return new Promise((resolve) => {
    client.makeUnaryRequest('/', nothing, nothing, undefined, { deadline: Date.now() + 100 }, resolve);
  });
}

/** Resolves once somebody accepts a connection at the address; what is in the way is a rejection in this library's terms. */
async function probe(address: Endpoint, operation: Operation, waitMs: number): Promise<void> {
  const path = address.network === 'unix' ? address.path : undefined;
  const options = address.network === 'unix' ? { path: address.path } : { host: address.host, port: address.port };
  const attempt = (): ReturnType<typeof connectSocket> =>
    connectSocket(options, operation).catch((error: unknown) => {
      throw lookupFailure(error);
    });
  const socket = await dial(attempt, operation, { waitMs, pollMs: path === undefined ? 8 : 2, path });
  socket.destroy();
}

function handshakeError(endpoint: string, cause: unknown): TransportError {
  return new TransportError(
    'IO',
    `${endpoint} accepts connections, but gRPC does not come about: ${messageOf(cause)}`,
    {
      endpoint,
      hint: 'Do the credentials of both sides match, and is it a gRPC server at all?',
      cause,
    },
  );
}
