import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { freshDirectory } from '@rpcplugin/test-support';
import { onTestFinished } from 'vitest';

/** A free path for a socket, in a directory that is removed after the test. */
export async function freshPath(): Promise<string> {
  return join(await freshDirectory(), 's');
}

/** Opens a plain socket, without a transport. It is destroyed after the test. */
export async function dial(path: string, { allowHalfOpen = false } = {}): Promise<Socket> {
  const socket = connect({ path, allowHalfOpen });
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  return socket.on('error', () => undefined);
}

/** The inotify watches of this process, each with its number and the inode it watches (proc(5)). */
export function watches(): { number: string; inode: number }[] {
  const infos = readdirSync('/proc/self/fdinfo').map((fd) => {
    try {
      return readFileSync(join('/proc/self/fdinfo', fd), 'utf8');
    } catch {
      // The descriptor of the listing itself.
      return '';
    }
  });
  return Array.from(infos.join('').matchAll(/^inotify wd:(\S+) ino:(\S+)/gm), ([, number = '', inode = '']) => ({
    number,
    inode: Number.parseInt(inode, 16),
  }));
}
