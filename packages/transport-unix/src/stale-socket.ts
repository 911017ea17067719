import { readFileSync } from 'node:fs';
import type { BigIntStats } from 'node:fs';
import { basename } from 'node:path';
import { quote } from '@rpcplugin/printable';
import { connectSocket, errnoOf, errorCodeOf, listenHints, Operation } from '@rpcplugin/transport-base';
import { TransportError } from '@rpcplugin/transport-core';
import type { TransportErrorCode } from '@rpcplugin/transport-core';
import { fileAt } from './files.js';

/**
 * Makes sure that a file is a stale socket: one that refuses connections because no process listens on it any more.
 * Does nothing if the file has been removed.
 *
 * @param stats - Those of the file. Hold it, and make sure later that it still has its name.
 * @param path - The path that errors name.
 * @param at - Another path of the same file, to use instead.
 * @throws TransportError for any other file, which may be in use and must not be touched: `ADDRESS_IN_USE` for a socket
 *   that accepts connections, is about to, or whose probe is inconclusive; `PERMISSION_DENIED` for a socket that this
 *   user cannot probe; `NOT_A_SOCKET` for anything else.
 */
export async function assertStale(stats: BigIntStats, path: string, at: string): Promise<void> {
  if (!stats.isSocket()) throw inTheWay(path, 'NOT_A_SOCKET', `${kindOf(stats)} exists`);
  // On Bun, a live socket with a full backlog refuses connections as well.
  if (process.versions['bun'] !== undefined) throw inTheWay(path, 'ADDRESS_IN_USE', 'a socket exists');
  // One that is bound, but does not listen yet, refuses connections as well. After the probe, it may listen.
  if (boundSockets(path).some(({ isListening }) => !isListening)) {
    throw inTheWay(path, 'ADDRESS_IN_USE', 'another process is about to listen');
  }
  const refusal = await probe(at);
  const errno = errnoOf(refusal);
  // The socket was not probed at all, such as without a free file descriptor. EAGAIN is a full backlog.
  if (errno !== 'EAGAIN' && errorCodeOf(refusal) === 'RESOURCE_EXHAUSTED') throw refusal;
  switch (errno) {
    case 'ECONNREFUSED':
    case 'ENOENT':
      return;
    case 'EPROTOTYPE':
      throw inTheWay(path, 'NOT_A_SOCKET', 'a socket of another type exists', refusal);
    case 'EACCES':
    case 'EPERM':
      throw inTheWay(path, 'PERMISSION_DENIED', 'a socket that this user cannot connect to exists', refusal);
    default:
      throw inTheWay(path, 'ADDRESS_IN_USE', 'another process listens', refusal, listenHints.ADDRESS_IN_USE);
  }
}

/** Whether there certainly is a stale socket: see {@link assertStale}. */
export async function isStaleSocket(path: string, at: string): Promise<boolean> {
  try {
    const stats = fileAt(at);
    if (stats === undefined) return false;
    await assertStale(stats, path, at);
    return true;
  } catch {
    return false;
  }
}

/** Connects, disconnects and returns the error if that failed. It does not wait: a full backlog is EAGAIN at once. */
async function probe(path: string): Promise<unknown> {
  const operation = new Operation('probe');
  const refusal = await connectSocket({ path }, { allowHalfOpen: false, operation }).then(
    (socket) => void socket.destroy(),
    (error: unknown) => error,
  );
  operation.end();
  return refusal;
}

/**
 * What the kernel knows of stream sockets that are bound to this path, or to a relative one that may mean it, and not
 * connected: in this network namespace, by the name that was bound (proc(5)).
 */
export function boundSockets(path: string): { isListening: boolean }[] {
  try {
    // The columns: address, references, protocol, flags, type, state, inode, path.
    const bound = /^\S+ \S+ \S+ (000[01]0000) 0001 01 +\d+ (.+)$/gm;
    return [...readFileSync('/proc/net/unix', 'utf8').matchAll(bound)]
      .filter(([, , name = '']) => name === path || (!name.startsWith('/') && basename(name) === basename(path)))
      .map(([, flags]) => ({ isListening: flags === '00010000' }));
  } catch {
    return [];
  }
}

/** The error for a file at the path that a socket needs. */
export function inTheWay(
  path: string,
  code: TransportErrorCode,
  what: string,
  cause?: unknown,
  hint = 'It was not touched. Choose another path, or remove it if it is not in use.',
): TransportError {
  return new TransportError(code, `${what} at ${quote(path)}`, { hint, cause });
}

function kindOf(stats: BigIntStats): string {
  if (stats.isFile()) return 'a regular file';
  if (stats.isDirectory()) return 'a directory';
  if (stats.isSymbolicLink()) return 'a symbolic link';
  return 'a named pipe or a device';
}

/** The error for a file that appeared at the path in the meantime. */
export function appeared(path: string, cause?: unknown): TransportError {
  return inTheWay(path, 'ADDRESS_IN_USE', 'another file appeared', cause);
}
