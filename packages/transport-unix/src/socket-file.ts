import { chmodSync, chownSync, linkSync, mkdtempSync, unlinkSync } from 'node:fs';
import { basename } from 'node:path';
import { assertSocketPathFits, Cleanup, errnoOf } from '@rpcplugin/transport-base';
import type { Operation } from '@rpcplugin/transport-base';
import { identityOf, isStill } from './file-identity.js';
import type { FileIdentity } from './file-identity.js';
import { EMPTY_FOR_MS, sweepLeftovers } from './leftovers.js';
import { HeldDirectory } from './held-directory.js';
import { removeIfEmpty, removeIfThere } from './made-directory.js';
import { hashOf, UNGUESSABLE_LENGTH, unguessableName } from './names.js';
import { inTheWay, staleSocket } from './stale-socket.js';

/** The length of the path that a socket is first bound to, without the path of the directory, in bytes. */
export const STAGING_BYTES = '/.rpcplugin-12345678-XXXXXX/'.length + UNGUESSABLE_LENGTH;

/** Options of {@link publishSocket}. */
export interface PublishOptions {
  /** The directory of the path. */
  directory: HeldDirectory;
  /** Binds the server to a path, with the mode and group that the system gives it. */
  listenAt: (path: string) => Promise<unknown>;
  mode: number;
  /** The group; `undefined` for the one that the system chooses. */
  gid: number | undefined;
  /** Gets the step that removes the file. */
  cleanup: Cleanup;
  /** Whether the path's lock is held. Not every platform has one. */
  isLocked: boolean;
  operation: Operation;
}

/**
 * Makes a server reachable at `path`, replacing a stale socket there. Call it with the path's lock held.
 *
 * The socket is bound in a staging directory next to it that only this user can enter, and gets its mode and group
 * there. Then link(2) gives it its name, which is atomic and never replaces a file. So no other process can see the
 * socket with another mode or group, or before it accepts connections.
 *
 * @throws TransportError `ADDRESS_IN_USE`, `NOT_A_SOCKET` or `PERMISSION_DENIED`. Then the file at `path` is untouched.
 */
export async function publishSocket(path: string, options: PublishOptions): Promise<void> {
  const { directory, listenAt, mode, gid, cleanup, isLocked, operation } = options;
  const file = directory.at(basename(path));
  const prefix = stagingPrefix(path);
  const staging = new Cleanup();
  try {
    // Every step that creates something is synchronous up to its `defer`, so that the process cannot exit in between.
    // The staging directory comes first: with it inside, no process can remove the parent directory.
    const stagingPath = mkdtempSync(directory.at(prefix));
    staging.defer(() => {
      removeIfEmpty(stagingPath);
    });
    const stage = HeldDirectory.openOwn(stagingPath);
    staging.defer(() => {
      stage.close();
    });
    if ((stage.stats.mode & 0o777n) !== 0o700n) throw new Error(`${stagingPath} was replaced by another directory`);
    const isLeftover = (name: string): boolean => name.startsWith(prefix) && name !== basename(stagingPath);
    await sweepLeftovers(directory.at(), isLeftover, isLocked ? 0 : EMPTY_FOR_MS);
    const stale = await staleSocket(path, file);
    // When the server closes, libuv removes any file at the path that was bound: its name must be unguessable.
    const socket = stage.at(unguessableName());
    assertSocketPathFits(socket);
    staging.defer(() => {
      // Not `rmSync`: after its stat of a socket with numbers, `require` and `import` fail on symbolic links
      // (nodejs/node#51142).
      removeIfThere(socket, unlinkSync);
    });
    await listenAt(socket);
    operation.throwIfCancelled();
    if (gid !== undefined) chownSync(socket, -1, gid);
    chmodSync(socket, mode);
    const identity = identityOf(socket);
    if (stale !== undefined) removeFile(file, stale);
    linkSocket(socket, file, path);
    cleanup.defer(() => {
      removeFile(file, identity);
    });
  } finally {
    await staging.run();
  }
}

/**
 * The prefix of the names of a path's staging directories. While this process holds the path's lock, no other process
 * uses one.
 */
function stagingPrefix(path: string): string {
  return `.rpcplugin-${hashOf(basename(path)).slice(0, 8)}-`;
}

function linkSocket(socket: string, file: string, path: string): void {
  try {
    linkSync(socket, file);
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
    throw inTheWay(path, 'ADDRESS_IN_USE', 'another file appeared', error);
  }
}

/** Removes the file at the path if it is still this one. */
function removeFile(path: string, identity: FileIdentity): void {
  if (isStill(path, identity)) unlinkSync(path);
}
