import { createHash } from 'node:crypto';
import { chmodSync, chownSync, linkSync, lstatSync, mkdtempSync, rmdirSync, rmSync, unlinkSync } from 'node:fs';
import type { BigIntStats } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errnoOf, socketPathLimitBytes, TransportError } from '@rpcplugin/transport-core';
import { EMPTY_FOR_MS, sweepLeftovers } from './leftovers.js';
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
  /** Whether the path's lock is held: the platform may not have it. */
  isLocked: boolean;
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
  const { bind, mode, gid, tidyUp, isLocked, signal } = options;
  const stale = await staleSocket(path, signal);
  const prefix = stagingPrefix(path);
  await sweepLeftovers(dirname(path), (name) => name.startsWith(prefix), isLocked ? 0 : EMPTY_FOR_MS);
  const staging = new TidyUp();
  try {
    // What makes something does not wait, so that no exit can come between that and its undoing.
    const directory = mkdtempSync(join(dirname(path), prefix));
    staging.defer(() => {
      rmdirSync(directory);
    });
    const socket = join(directory, 's');
    staging.defer(() => {
      rmSync(socket, { force: true });
    });
    await bindAt(socket, bind);
    signal.throwIfAborted();
    if (gid !== undefined) chownSync(socket, -1, gid);
    chmodSync(socket, mode);
    const identity = lstatSync(socket, { bigint: true });
    if (stale !== undefined) removeFile(path, stale);
    giveName(socket, path);
    tidyUp.defer(() => {
      removeFile(path, identity);
    });
  } finally {
    staging.run();
  }
}

/** How the names of staging directories for a path begin. Nobody else has one while this process has the path's lock. */
function stagingPrefix(path: string): string {
  return `.rpcplugin-${createHash('sha256').update(basename(path)).digest('hex').slice(0, 8)}-`;
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
