import { lstatSync } from 'node:fs';
import type { BigIntStats } from 'node:fs';
import {
  connectSocket,
  errnoOf,
  errorCodeOf,
  listenHints,
  Operation,
  quote,
  TransportError,
} from '@rpcplugin/transport-core';
import type { TransportErrorCode } from '@rpcplugin/transport-core';
import type { FileIdentity } from './file-identity.js';

/**
 * The stale socket at a path: one that refuses connections, because nobody listens on it any more. `undefined` if nothing
 * stands there.
 *
 * @throws TransportError for anything else, which may be alive and is not to be touched: `ADDRESS_IN_USE` for a socket that
 *   answers, or whose probe does not tell; `NOT_A_SOCKET` for any other file; `PERMISSION_DENIED` for a socket that this
 *   user can not probe.
 * @param at - Another path of the same file, to look at in place of the one that errors name.
 */
export async function staleSocket(path: string, at = path): Promise<FileIdentity | undefined> {
  const stats = lstatSync(at, { bigint: true, throwIfNoEntry: false });
  if (stats === undefined) return undefined;
  if (!stats.isSocket()) throw inTheWay(path, 'NOT_A_SOCKET', `${kindOf(stats)} stands`);
  const refusal = await probe(at);
  const errno = errnoOf(refusal);
  // Out of descriptors, say: it was not probed at all.
  if (errno !== 'EAGAIN' && errorCodeOf(refusal) === 'RESOURCE_EXHAUSTED') throw refusal;
  switch (errno) {
    case 'ECONNREFUSED':
      return stats;
    case 'ENOENT':
      return undefined;
    case 'EPROTOTYPE':
      throw inTheWay(path, 'NOT_A_SOCKET', 'a socket of another type stands', refusal);
    case 'EACCES':
    case 'EPERM':
      throw inTheWay(path, 'PERMISSION_DENIED', 'a socket that this user can not connect to stands', refusal);
    default:
      throw inTheWay(path, 'ADDRESS_IN_USE', 'another process listens', refusal, listenHints.ADDRESS_IN_USE);
  }
}

/** Connects and leaves; the error if that was not possible. Nobody is waited for: a full backlog is EAGAIN at once. */
async function probe(path: string): Promise<unknown> {
  const operation = new Operation('probe');
  const refusal = await connectSocket({ path }, operation).then(
    (socket) => void socket.destroy(),
    (error: unknown) => error,
  );
  operation.end();
  return refusal;
}

/** The error for what stands where a socket is to be. */
export function inTheWay(
  path: string,
  code: TransportErrorCode,
  what: string,
  cause?: unknown,
  hint = 'It was not touched. Choose another path, or remove it if nobody uses it.',
): TransportError {
  return new TransportError(code, `${what} at ${quote(path)}`, { endpoint: `unix:${path}`, hint, cause });
}

function kindOf(stats: BigIntStats): string {
  if (stats.isFile()) return 'a regular file';
  if (stats.isDirectory()) return 'a directory';
  if (stats.isSymbolicLink()) return 'a symbolic link';
  return 'a named pipe or a device';
}
