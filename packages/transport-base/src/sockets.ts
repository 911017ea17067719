import { closeSync, openSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { AddressInfo, NetConnectOpts, Socket } from 'node:net';
import type { EventEmitter } from 'node:events';
import { quote } from '@rpcplugin/printable';
import { TransportError } from '@rpcplugin/transport-core';
import type { DialContext, ListenAddress, ListenContext } from './addresses.js';
import { statsAt } from './file-watch.js';
import { claimDescriptor } from './descriptors.js';
import { holdSocket } from './held-socket.js';
import { assertOptions, integerOption } from './options.js';
import { acceptProxied, assertDescriptors } from './proxied-connections.js';
import type { ProxyProtocol } from './proxied-connections.js';
import { assertSocketPathFits } from './socket-path.js';
import { errnoOf, errorCodeOf } from './system-errors.js';

/**
 * After how long without input the kernel looks for a TCP connection's peer by default, in milliseconds. Node then
 * lets it ask ten times, once a second.
 */
export const KEEP_ALIVE_MS = 30_000;

/** Constructor options that every socket transport has. */
export interface SocketTransportOptions {
  /**
   * How many connections the kernel queues until the listener accepts them (listen(2)), from 1 to 65535. Linux caps it
   * at `net.core.somaxconn`. Default: 511, as in Node.
   */
  readonly backlog?: number | undefined;
  /** How many accepted connections may be open at once; any more are closed at once. Default: no limit. */
  readonly maxConnections?: number | undefined;
}

/** Options of {@link listenSocket}. */
export interface AcceptOptions extends SocketTransportOptions {
  /** For peers that are proxies, which tell the addresses of clients. Default: the peers are clients. */
  readonly proxyProtocol?: ProxyProtocol | undefined;
}

/** Checks the options. @throws TransportError `INVALID_ARGUMENT` for one that cannot be used. */
export function socketOptions(options: SocketTransportOptions): SocketTransportOptions {
  assertOptions(options);
  return {
    backlog: integerOption('backlog', options.backlog, 1, 65_535),
    maxConnections: integerOption('maxConnections', options.maxConnections, 1, Infinity),
  };
}

/**
 * Starts a `net.Server` for a listener, in this very process (not in the primary of a cluster), and resolves with its
 * address, which is empty if Node does not know it. The server closes with the listener. Rejects with the system error.
 *
 * With `hold` in the context, the socket listens but accepts nothing.
 */
export async function listenSocket(
  address: ListenAddress,
  options: AcceptOptions,
  context: ListenContext,
): Promise<AddressInfo | string> {
  const { backlog, maxConnections, proxyProtocol } = options;
  const { accept, drop, acceptFailed, allowHalfOpen, pauseOnConnect, defer, hold } = context;
  if (hold !== undefined) {
    const held = holdSocket(address, backlog);
    let isOpen = true;
    claimDescriptor(held.fd, () => isOpen);
    defer(() => {
      held.close();
      isOpen = false;
    });
    hold(held.fd);
    return held.address;
  }
  const onConnection = proxyProtocol === undefined ? accept : acceptProxied(proxyProtocol, context);
  const server = createServer({ ...address, allowHalfOpen, pauseOnConnect }, onConnection);
  if (maxConnections !== undefined) server.maxConnections = maxConnections;
  server.on('drop', () => {
    drop('maxConnections');
  });
  defer(() => {
    server.close();
  });
  // For a descriptor, Node takes the backlog only as an argument.
  await eventOf(server.listen({ ...address, exclusive: true, backlog }, backlog), 'listening');
  // A connection that cannot be accepted does not end the listener. Out of file descriptors, libuv reports nothing
  // (except on Windows): it keeps one descriptor in reserve to accept and close waiting connections with.
  server.on('error', acceptFailed);
  if (proxyProtocol !== undefined && pauseOnConnect === true) assertDescriptors(server);
  return server.address() ?? '';
}

/**
 * Makes one attempt to connect a socket. If the operation is cancelled, no socket stays open.
 *
 * Rejects with the system error, or with a `TransportError` that says more: `PATH_TOO_LONG` before any I/O;
 * `NOT_A_SOCKET` for a file that is no socket, which connect(2) reports like a socket without a listener;
 * `CONNECTION_REFUSED` if the listener closed before it accepted. For a host by its name, see {@link explainLookup}.
 */
export async function connectSocket(address: NetConnectOpts, context: DialContext): Promise<Socket> {
  const { allowHalfOpen, pauseOnConnect, operation } = context;
  operation.throwIfCancelled();
  const path = 'path' in address ? address.path : undefined;
  if (path !== undefined) assertSocketPathFits(path);
  const socket = connect({ ...address, allowHalfOpen });
  // Node begins to read when it connects, unless the socket is paused.
  if (pauseOnConnect === true) socket.pause();
  const removeListener = operation.onCancel((failure) => {
    socket.destroy(failure);
  });
  try {
    await eventOf(socket, 'connect');
    return socket;
  } catch (error) {
    throw explain(error, path);
  } finally {
    removeListener();
  }
}

function explain(error: unknown, path: string | undefined): unknown {
  switch (errnoOf(error)) {
    case 'ECONNRESET':
      return new TransportError('CONNECTION_REFUSED', 'the listener closed before it accepted', { cause: error });
    case 'ECONNREFUSED':
      if (path === undefined || statsAt(path)?.isSocket() !== false) return error;
      return new TransportError('NOT_A_SOCKET', `${quote(path)} is not a socket`, { cause: error });
    default:
      return error;
  }
}

/**
 * The reason why a host name was not resolved; any other error stays as it is. When file descriptors run out,
 * getaddrinfo(3) reports an unknown name; opening a file tells the cases apart.
 */
export function explainLookup<E>(error: E): E | Error {
  if (errorCodeOf(error) !== 'DNS_FAILURE') return error;
  try {
    // A file that exists: Node's own.
    closeSync(openSync(process.execPath, 'r'));
    return error;
  } catch (cause) {
    if (errorCodeOf(cause) !== 'RESOURCE_EXHAUSTED') return error;
    return new Error('cannot resolve the host name without a free file descriptor', { cause });
  }
}

/** `once` of `node:events` with less overhead: resolves with the event, rejects with an `error` that precedes it. */
function eventOf(emitter: EventEmitter, event: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error?: Error): void => {
      emitter.off(event, settle).off('error', settle);
      if (error === undefined) resolve();
      else reject(error);
    };
    emitter.on(event, settle).on('error', settle);
  });
}
