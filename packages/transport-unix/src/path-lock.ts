import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { Socket } from 'node:net';
import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { errnoOf } from '@rpcplugin/transport-base';
import type { Operation } from '@rpcplugin/transport-base';
import { TransportError } from '@rpcplugin/transport-core';
import type { HeldDirectory } from './held-directory.js';
import { hashOf } from './names.js';

/** How long to wait for the lock, in milliseconds. Its holder needs it for about a millisecond. */
const LOCK_TIMEOUT_MS = 5000;

/**
 * Runs `action` while no other process that uses this package prepares a socket at the same path. Without the lock, two
 * processes that both find a stale socket could each remove the socket that the other just created.
 *
 * The lock is a listening socket in Linux's abstract namespace (unix(7)), named after the directory's device and inode
 * and the file's name. The kernel gives a name to one process at a time and releases it however that process ends. The
 * lock holds within one network namespace. Other platforms have no such lock and rely on the checks in `action`.
 *
 * @param directory - The directory of the path.
 * @throws TransportError `ADDRESS_IN_USE` if the lock is not free within 5 s: a process is stuck or squats the name.
 */
export async function withPathLock<T>(
  path: string,
  directory: HeldDirectory,
  operation: Operation,
  action: (isLocked: boolean) => Promise<T>,
): Promise<T> {
  if (process.platform !== 'linux') return action(false);
  const release = await acquire(lockName(path, directory), path, operation);
  try {
    return await action(true);
  } finally {
    release();
  }
}

function lockName(path: string, { stats: { dev, ino } }: HeldDirectory): string {
  return `\0rpcplugin-lock/${dev.toString(36)}/${ino.toString(36)}/${hashOf(basename(path))}`;
}

async function acquire(name: string, path: string, operation: Operation): Promise<() => void> {
  for (let signal: AbortSignal | undefined; signal?.aborted !== true;) {
    const release = await tryLock(name);
    if (release !== undefined) return release;
    signal ??= AbortSignal.any([operation.signal, AbortSignal.timeout(LOCK_TIMEOUT_MS)]);
    await waitForRelease(name, signal);
  }
  operation.throwIfCancelled();
  throw new TransportError(
    'ADDRESS_IN_USE',
    `could not lock ${path} within ${LOCK_TIMEOUT_MS} ms: another process is about to listen there`,
    {
      hint: 'Find the process with `ss -xlp | grep rpcplugin-lock`, and end it if it is stuck.',
    },
  );
}

/** Takes the lock and returns a function that releases it; `undefined` if another process holds it. */
async function tryLock(name: string): Promise<(() => void) | undefined> {
  const waiting = new Set<Socket>();
  const server = createServer((socket) => {
    waiting.add(socket);
    socket.on('error', () => undefined);
  });
  server.on('error', () => undefined);
  // Without `exclusive`, the primary of a cluster would listen for all its workers at once.
  server.listen({ path: name, exclusive: true });
  try {
    await once(server, 'listening');
  } catch (error) {
    if (errnoOf(error) === 'EADDRINUSE') return undefined;
    throw error;
  }
  return () => {
    server.close();
    // Wakes the processes that wait for the lock.
    for (const socket of waiting) socket.destroy();
  };
}

/** Resolves when the lock is released, which closes connections to its holder, or when `signal` aborts. */
async function waitForRelease(name: string, signal: AbortSignal): Promise<void> {
  const socket = connect(name);
  socket.on('error', () => undefined).resume();
  await once(socket, 'close', { signal }).catch(() => undefined);
  socket.destroy();
  // Never retry at once: more processes may wait than the backlog holds, and a squatter may close connections at once.
  await sleep(2 * Math.random(), undefined, { signal }).catch(() => undefined);
}
