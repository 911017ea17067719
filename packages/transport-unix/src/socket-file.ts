import { linkSync, lstatSync, rmdirSync, rmSync, unlinkSync } from 'node:fs';
import type { BigIntStats } from 'node:fs';
import { chmod, chown, lstat, mkdtemp, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errnoOf, socketPathLimitBytes, TransportError } from '@rpcplugin/transport-core';
import { staleSocket } from './stale-socket.js';
import { TidyUp } from './tidy-up.js';

/** Which file it is, whatever its name. */
export type FileIdentity = Pick<BigIntStats, 'dev' | 'ino'>;

export interface PublishOptions {
  /** Puts the server on a path, with whatever mode and group the system gives it. */
  bind: (path: string) => Promise<void>;
  mode: number;
  /** The group, if not the one that the system gives it. */
  gid: number | undefined;
  /** Is told how to remove the file. */
  tidyUp: TidyUp;
  signal: AbortSignal;
}

/**
 * Makes a server reachable at `path`, replacing a stale socket that stands there. To be called under the path's lock.
 *
 * The socket is bound in a directory beside it that only this user can enter, is given its mode and group there, and only then
 * its name, by link(2), which is atomic and never replaces anything. So nobody sees it with another mode or group, or before
 * it accepts connections.
 *
 * @throws TransportError `ADDRESS_IN_USE`, `NOT_A_SOCKET` or `PERMISSION_DENIED`; what stands at the path is untouched then.
 */
export async function publishSocket(path: string, options: PublishOptions): Promise<void> {
  const { bind, mode, gid, tidyUp, signal } = options;
  const stale = await staleSocket(path, signal);
  const staging = new TidyUp();
  try {
    const directory = await mkdtemp(join(dirname(path), '.rpcplugin-'));
    staging.defer(() => {
      rmdirSync(directory);
    });
    const socket = join(directory, 's');
    staging.defer(() => {
      rmSync(socket, { force: true });
    });
    await bindAt(socket, bind);
    if (gid !== undefined) await chown(socket, -1, gid);
    await chmod(socket, mode);
    const identity = await lstat(socket, { bigint: true });
    signal.throwIfAborted();
    // From here to the end nothing else of this process runs, so that an exit can not come between a step and its undoing.
    if (stale !== undefined) removeFile(path, stale);
    giveName(socket, path);
    tidyUp.defer(() => {
      removeFile(path, identity);
    });
  } finally {
    staging.run();
  }
}

/** Binds at a path that may be longer than a socket's can be, by way of a descriptor of its directory (proc(5)). */
async function bindAt(path: string, bind: (path: string) => Promise<void>): Promise<void> {
  if (Buffer.byteLength(path) <= socketPathLimitBytes || process.platform !== 'linux') {
    await bind(path);
    return;
  }
  const directory = await open(dirname(path));
  try {
    await bind(`/proc/self/fd/${directory.fd}/s`);
  } finally {
    await directory.close();
  }
}

function giveName(socket: string, path: string): void {
  try {
    linkSync(socket, path);
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
    throw new TransportError('ADDRESS_IN_USE', `something was put at ${JSON.stringify(path)} meanwhile`, {
      endpoint: `unix:${path}`,
      hint: 'Another process started there at the same moment. Stop it, or choose another path.',
      cause: error,
    });
  }
}

/** Removes the name if it still is that of the very file. */
function removeFile(path: string, { dev, ino }: FileIdentity): void {
  const stats = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  if (stats?.dev === dev && stats.ino === ino) unlinkSync(path);
}
