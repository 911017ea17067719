import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { once } from 'node:events';
import { onTestFinished } from 'vitest';
import { TransportError } from '@rpcplugin/transport-core';

/** A directory for one test, removed after it. */
export async function freshDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'core-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** A path for a socket, of one test. */
export async function freshPath(): Promise<string> {
  return join(await freshDirectory(), 's');
}

/** What is thrown; it is to be a `TransportError`. */
export function thrownBy(action: () => unknown): TransportError {
  try {
    action();
  } catch (error) {
    if (TransportError.isInstance(error)) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

/** What a promise rejects with; it is to be a `TransportError`. */
export async function rejectionOf(promise: Promise<unknown>): Promise<TransportError> {
  const outcome = await promise.then(
    () => new Error('it resolved'),
    (error: unknown) => error,
  );
  if (TransportError.isInstance(outcome)) return outcome;
  throw outcome;
}

/** A peer that has nothing to do with a transport, ended after the test. */
export async function dial(path: string, { allowHalfOpen = false } = {}): Promise<Socket> {
  const socket = connect({ path, allowHalfOpen });
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  return socket.on('error', () => undefined);
}

/** The watches that this process has, with their numbers and the inodes of what they watch: see proc(5) about inotify. */
export function watches(): { number: string; inode: number }[] {
  const infos = readdirSync('/proc/self/fdinfo').map((fd) => {
    try {
      return readFileSync(join('/proc/self/fdinfo', fd), 'utf8');
    } catch {
      // That of the listing itself.
      return '';
    }
  });
  return Array.from(infos.join('').matchAll(/^inotify wd:(\S+) ino:(\S+)/gm), ([, number = '', inode = '']) => ({
    number,
    inode: Number.parseInt(inode, 16),
  }));
}
