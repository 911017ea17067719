import { chmodSync, chownSync, linkSync, mkdtempSync, unlinkSync } from 'node:fs';
import { basename } from 'node:path';
import { assertSocketPathFits, errnoOf } from '@rpcplugin/transport-core';
import type { Operation } from '@rpcplugin/transport-core';
import { identityOf, isStill } from './file-identity.js';
import type { FileIdentity } from './file-identity.js';
import { EMPTY_FOR_MS, sweepLeftovers } from './leftovers.js';
import { HeldDirectory } from './held-directory.js';
import { removeIfEmpty, removeIfThere } from './made-directory.js';
import { hashOf, UNGUESSABLE_LENGTH, unguessableName } from './names.js';
import { inTheWay, staleSocket } from './stale-socket.js';
import { TidyUp } from './tidy-up.js';

/** How much longer than that of its directory the path is that a socket is bound to first, in bytes. */
export const STAGING_BYTES = '/.rpcplugin-12345678-XXXXXX/'.length + UNGUESSABLE_LENGTH;

export interface PublishOptions {
  /** The directory that the path is in. */
  directory: HeldDirectory;
  /** Puts the server on a path, with whatever mode and group the system gives it. */
  bind: (path: string) => Promise<void>;
  mode: number;
  /** The group, if not the one that the system gives it. */
  gid: number | undefined;
  /** Is told how to remove the file. */
  tidyUp: TidyUp;
  /** Whether the path's lock is held: the platform may not have it. */
  isLocked: boolean;
  operation: Operation;
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
  const { directory, bind, mode, gid, tidyUp, isLocked, operation } = options;
  const file = directory.at(basename(path));
  const prefix = stagingPrefix(path);
  const staging = new TidyUp();
  try {
    // What makes something does not wait, so that no exit can come between that and its undoing. This comes first, as
    // nobody can remove the directory any more then.
    const stagingPath = mkdtempSync(directory.at(prefix));
    staging.defer(() => {
      removeIfEmpty(stagingPath);
    });
    const stage = HeldDirectory.openOwn(stagingPath);
    staging.defer(() => {
      stage.close();
    });
    if ((stage.stats.mode & 0o777n) !== 0o700n) throw new Error(`${stagingPath} is not the directory that was made`);
    const isLeftover = (name: string): boolean => name.startsWith(prefix) && name !== basename(stagingPath);
    await sweepLeftovers(directory.at(), isLeftover, isLocked ? 0 : EMPTY_FOR_MS);
    const stale = await staleSocket(path, file);
    // When the server closes, libuv removes what stands at the name that was bound then. Nobody can guess it.
    const socket = stage.at(unguessableName());
    assertSocketPathFits(socket);
    staging.defer(() => {
      // Not `rmSync`, which looks at a socket in numbers: `require` and `import` go wrong at links then (nodejs/node#51142).
      removeIfThere(socket, unlinkSync);
    });
    await bind(socket);
    operation.throwIfGivenUp();
    if (gid !== undefined) chownSync(socket, -1, gid);
    chmodSync(socket, mode);
    const identity = identityOf(socket);
    if (stale !== undefined) removeFile(file, stale);
    giveName(socket, file, path);
    tidyUp.defer(() => {
      removeFile(file, identity);
    });
  } finally {
    staging.run();
  }
}

/** How the names of staging directories for a path begin. Nobody else has one while this process has the path's lock. */
function stagingPrefix(path: string): string {
  return `.rpcplugin-${hashOf(basename(path)).slice(0, 8)}-`;
}

function giveName(socket: string, file: string, path: string): void {
  try {
    linkSync(socket, file);
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
    throw inTheWay(path, 'ADDRESS_IN_USE', 'something was put meanwhile', error);
  }
}

/** Removes the name if it still is that of the very file. */
function removeFile(path: string, identity: FileIdentity): void {
  if (isStill(path, identity)) unlinkSync(path);
}
