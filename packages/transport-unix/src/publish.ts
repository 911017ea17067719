import { linkSync } from 'node:fs';
import type { BigIntStats } from 'node:fs';
import { join } from 'node:path';
import { Cleanup, errnoOf } from '@rpcplugin/transport-base';
import type { ListenContext } from '@rpcplugin/transport-base';
import { TransportError } from '@rpcplugin/transport-core';
import type { Directory } from './directory.js';
import { fileAt, isFile, unlinkIfThere, withPaths } from './files.js';
import type { FileIdentity } from './files.js';
import { digest, unguessableName } from './names.js';
import { ownedName } from './owner.js';
import { lock } from './path-lock.js';
import { removeOwnSocket, removeStale } from './removal.js';
import { appeared, inTheWay, staleSocket } from './stale-socket.js';
import { assertStagedPathFits, openStaging, stagingError, stagingIfPossible } from './staging.js';

/** A socket to publish, and where. */
export interface Publication {
  /** The directory. */
  readonly directory: Directory;
  /** The name of the file in it. */
  readonly name: string;
  /** Whether other processes may want the same name, or have left a stale socket there. */
  readonly isContested: boolean;
  /** Starts the server at a path. The file has the mode and group that the system gives it. */
  readonly listenAt: (path: string) => Promise<unknown>;
  readonly mode: number;
  /** The group; `undefined` for the one that the system chooses. */
  readonly gid: number | undefined;
  readonly context: Pick<ListenContext, 'operation' | 'warn'>;
}

/**
 * Where the socket is bound:
 *
 * - `staged`: in a directory beside the file that only this user can enter. link(2) then gives the socket its name, in
 *   one step that never replaces a file. So no other process can see the socket with another mode or group, or before
 *   it accepts connections.
 * - `beside`: under a hidden name in the same directory, where no such directory, or no link out of it, is possible.
 * - `bare`: under its final name, where links are not possible at all, or in a directory that others cannot enter.
 *   bind(2) never replaces a file either.
 */
export type Method = 'staged' | 'beside' | 'bare';

/** How often to give a socket its name while other processes take it away. */
const MAX_LINKS = 10;

/**
 * Makes a server reachable under its name, replacing a stale socket there. Returns the socket file.
 *
 * @throws TransportError `ADDRESS_IN_USE`, `NOT_A_SOCKET` or `PERMISSION_DENIED`. Then the file at the path is
 *   untouched. `ENOENT` if another process removed the directory, or a {@link StagingError} if the method is not
 *   possible here.
 */
export async function publish(publication: Publication, method: Method): Promise<FileIdentity> {
  const { directory, name, isContested, listenAt } = publication;
  const { operation, warn } = publication.context;
  const cleanup = new Cleanup();
  let socket: BigIntStats | undefined;
  try {
    // Every step that creates something is synchronous up to its `defer`, so that the process cannot exit in between.
    const staging =
      method === 'staged' ? openStaging(directory) : isContested ? stagingIfPossible(directory) : undefined;
    cleanup.defer(() => {
      try {
        if (staging !== undefined) directory.removeChild(staging);
      } finally {
        staging?.close();
      }
    });
    if (isContested && staging !== undefined) {
      const unlocked = await lock(staging.at(digest(name)), operation, cleanup);
      if (unlocked !== undefined) warn(unlocked.what, unlocked.cause);
    }
    const stale = isContested ? await staleSocket(pathOf(publication), directory.at(name)) : undefined;
    const isStaged = method === 'staged' && staging !== undefined;
    const place = isStaged ? staging : directory;
    const aside = place.at(isStaged ? ownedName('old') : hiddenName());
    if (method === 'bare' && stale !== undefined) await removeStaleAt(publication, stale, aside);
    // When the server closes, libuv removes any file with the name that was bound: it must be unguessable.
    const boundName = method === 'bare' ? name : isStaged ? ownedName('new') : hiddenName();
    const bound = place.at(boundName);
    if (method !== 'bare') {
      assertStagedPathFits(bound);
      cleanup.defer(() => {
        unlinkIfThere(bound);
      });
    }
    await bind(place, bound, listenAt);
    socket = fileAt(bound);
    if (socket === undefined) throw notFound(bound);
    operation.throwIfCancelled();
    setAccess(publication, place, boundName, socket);
    if (method !== 'bare') {
      if (stale !== undefined) await removeStaleAt(publication, stale, aside);
      linkSocket(publication, bound, socket);
    }
    await cleanup.run();
    return socket;
  } catch (error) {
    const named = withPaths(error);
    // If cleaning up fails too, the first error says more.
    await cleanup.run().catch(() => undefined);
    if (socket !== undefined) removeIfPossible(directory, name, socket);
    // So that libuv removes no other file when the server closes.
    if (method === 'bare' && isContested) directory.close();
    throw named;
  }
}

function removeIfPossible(directory: Directory, name: string, socket: FileIdentity): void {
  try {
    removeOwnSocket(directory, name, socket);
  } catch {
    // What failed before says more.
  }
}

/** Without `/proc`, in a directory that others can write to, the umask decides: only if it is strict enough. */
function setAccess({ mode, gid, context }: Publication, place: Directory, name: string, socket: BigIntStats): void {
  if (place.canSetAccess) {
    place.setSocketAccess(name, { mode, gid }, socket);
    return;
  }
  if (gid !== undefined || (Number(socket.mode) & 0o777 & ~mode) !== 0) {
    throw new TransportError('PERMISSION_DENIED', `the mode of a socket in ${place.path} cannot be set safely`, {
      hint: 'Choose a directory in which no other user can replace files, or mount /proc.',
    });
  }
  context.warn(`the socket has the mode that the umask gives it: another user may replace ${place.path}`);
}

function hiddenName(): string {
  return `.rpcplugin-${unguessableName()}`;
}

function pathOf({ directory, name }: Publication): string {
  return join(directory.path, name);
}

async function removeStaleAt(publication: Publication, stale: BigIntStats, aside: string): Promise<void> {
  const { directory, name } = publication;
  const path = pathOf(publication);
  if (directory.isOpenToOthers) {
    throw inTheWay(path, 'ADDRESS_IN_USE', 'a stale socket that cannot be removed safely exists');
  }
  try {
    await removeStale(path, directory.at(name), aside, stale);
  } catch (error) {
    throw stagingError(error);
  }
}

async function bind(directory: Directory, path: string, listenAt: (path: string) => Promise<unknown>): Promise<void> {
  try {
    await listenAt(path);
  } catch (error) {
    // libuv reports a missing directory as EACCES.
    if (errnoOf(error) === 'EACCES' && directory.isRemoved) throw notFound(path);
    throw error;
  }
}

function notFound(path: string): Error {
  return Object.assign(new Error(`${path} was removed`), { code: 'ENOENT' });
}

/** Gives the socket its name, and makes sure that it has it: a process without the lock may just give it back. */
function linkSocket(publication: Publication, socket: string, identity: FileIdentity): void {
  const path = pathOf(publication);
  const file = publication.directory.at(publication.name);
  for (let attempt = 1; attempt <= MAX_LINKS; attempt++) {
    try {
      linkSync(socket, file);
    } catch (error) {
      if (errnoOf(error) === 'EEXIST') throw appeared(path, error);
      throw stagingError(error);
    }
    const stats = fileAt(file);
    if (stats !== undefined && isFile(stats, identity)) return;
    if (stats !== undefined) break;
  }
  throw appeared(path);
}
