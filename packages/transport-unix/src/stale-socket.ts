import type { BigIntStats } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { connectSocket, errnoOf, errorCodeOf, listenHints, Operation, TransportError } from '@rpcplugin/transport-core';
import type { FileIdentity } from './file-identity.js';

/** How long a listener may take to let a probe in before it counts as alive but busy. */
const PROBE_TIMEOUT_MS = 1000;

/**
 * The stale socket at a path: one that refuses connections, because nobody listens on it any more. `undefined` if nothing
 * stands there.
 *
 * @throws TransportError for anything else, which may be alive and is not to be touched: `ADDRESS_IN_USE` for a socket that
 *   answers, or whose probe does not tell; `NOT_A_SOCKET` for any other file; `PERMISSION_DENIED` for a socket that this
 *   user can not probe.
 * @param at - Another path of the same file, to look at in place of the one that errors name.
 */
export async function staleSocket(path: string, signal: AbortSignal, at = path): Promise<FileIdentity | undefined> {
  const stats = await lstat(at, { bigint: true }).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (stats === undefined) return undefined;
  if (!stats.isSocket()) throw notASocket(path, kindOf(stats));
  const refusal = await probe(at, signal);
  // Out of descriptors, say: it was not probed at all.
  if (errnoOf(refusal) !== 'EAGAIN' && errorCodeOf(refusal) === 'RESOURCE_EXHAUSTED') throw refusal;
  switch (errnoOf(refusal)) {
    case 'ECONNREFUSED':
      return stats;
    case 'ENOENT':
      return undefined;
    case 'EPROTOTYPE':
      throw notASocket(path, 'a socket of another type', refusal);
    case 'EACCES':
    case 'EPERM':
      throw new TransportError(
        'PERMISSION_DENIED',
        `a socket that this user can not connect to stands at ${quote(path)}`,
        {
          endpoint: `unix:${path}`,
          hint: 'It may be alive, so it was not touched. Choose another path, or remove it if nobody uses it.',
          cause: refusal,
        },
      );
    default:
      throw new TransportError('ADDRESS_IN_USE', `another process listens at ${quote(path)}`, {
        endpoint: `unix:${path}`,
        hint: listenHints.ADDRESS_IN_USE,
        cause: refusal,
      });
  }
}

/** Connects and leaves; the error if that was not possible. */
async function probe(path: string, signal: AbortSignal): Promise<unknown> {
  signal.throwIfAborted();
  const operation = new Operation(`probe ${quote(path)}`, { signal, timeoutMs: PROBE_TIMEOUT_MS });
  try {
    const socket = await connectSocket({ path }, operation);
    socket.destroy();
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    return error;
  } finally {
    operation.end();
  }
}

function notASocket(path: string, kind: string, cause?: unknown): TransportError {
  return new TransportError('NOT_A_SOCKET', `${kind} stands at ${quote(path)}, not a stream socket`, {
    endpoint: `unix:${path}`,
    hint: 'It was not touched. Choose another path, or remove it yourself.',
    cause,
  });
}

function kindOf(stats: BigIntStats): string {
  if (stats.isFile()) return 'a regular file';
  if (stats.isDirectory()) return 'a directory';
  if (stats.isSymbolicLink()) return 'a symbolic link';
  if (stats.isFIFO()) return 'a named pipe';
  return 'a device';
}

function quote(path: string): string {
  return JSON.stringify(path);
}
