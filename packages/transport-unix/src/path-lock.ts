import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { Socket } from 'node:net';
import { basename } from 'node:path';
import { errnoOf, pause, TransportError } from '@rpcplugin/transport-core';
import type { Operation } from '@rpcplugin/transport-core';
import type { HeldDirectory } from './held-directory.js';
import { hashOf } from './names.js';

/** How long to wait for whoever holds the lock; what is done under it takes a millisecond or so. */
const PATIENCE_MS = 5000;

/**
 * Runs `action` while no other process that uses this package prepares a socket at the same path. Without it, two processes that
 * both find a stale socket can each remove what the other has just put in its place.
 *
 * The lock is a listening socket in Linux's abstract namespace (unix(7)), named after the directory's device and inode and
 * the file's name: the kernel lets one process have a name, and takes it back however that process ends. It holds per network
 * namespace. Other platforms have no such thing: there, `action`'s own checks have to do.
 *
 * @param directory - The one that the path is in.
 * @throws TransportError `ADDRESS_IN_USE` if the lock was not to be had in 5 s: somebody is stuck there, or squats it.
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
  for (let patience: AbortSignal | undefined; patience?.aborted !== true;) {
    const release = await tryLock(name);
    if (release !== undefined) return release;
    patience ??= AbortSignal.any([operation.signal, AbortSignal.timeout(PATIENCE_MS)]);
    await holderGone(name, patience);
  }
  operation.throwIfGivenUp();
  throw new TransportError(
    'ADDRESS_IN_USE',
    `another process has been about to listen at ${path} for ${PATIENCE_MS} ms`,
    {
      endpoint: `unix:${path}`,
      hint: 'Find it with `ss -xlp | grep rpcplugin-lock` and end it if it is stuck.',
    },
  );
}

/** Takes the name, and returns how to give it back; `undefined` if somebody has it. */
async function tryLock(name: string): Promise<(() => void) | undefined> {
  const waiting = new Set<Socket>();
  const server = createServer((socket) => {
    waiting.add(socket);
    socket.on('error', () => undefined);
  });
  server.on('error', () => undefined);
  // In a cluster's worker, without `exclusive`, the primary would listen on behalf of all workers at once.
  server.listen({ path: name, exclusive: true });
  try {
    await once(server, 'listening');
  } catch (error) {
    if (errnoOf(error) === 'EADDRINUSE') return undefined;
    throw error;
  }
  return () => {
    server.close();
    // Their end is what the others wait for.
    for (const socket of waiting) socket.destroy();
  };
}

/** Resolves when whoever has the name gives it back, which ends a connection to it, or when `signal` fires. */
async function holderGone(name: string, signal: AbortSignal): Promise<void> {
  const socket = connect(name);
  socket.on('error', () => undefined).resume();
  await once(socket, 'close', { signal }).catch(() => undefined);
  socket.destroy();
  // Many may wait, more than the backlog holds; and one who squats the name may not let us wait.
  await pause(2 * Math.random(), signal);
}
