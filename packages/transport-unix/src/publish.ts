import { linkSync } from 'node:fs';
import type { BigIntStats } from 'node:fs';
import { join } from 'node:path';
import { Cleanup, errnoOf } from '@rpcplugin/transport-base';
import type { Operation } from '@rpcplugin/transport-base';
import { setAccess } from './directory.js';
import type { Directory } from './directory.js';
import { fileAt, isFile, unlinkIfThere } from './files.js';
import type { FileIdentity } from './files.js';
import { digest } from './names.js';
import { ownedName } from './owner.js';
import { lock } from './path-lock.js';
import { asideName, removeStale } from './removal.js';
import { appeared, staleSocket } from './stale-socket.js';
import { assertStagedPathFits, openStaging, StagingError } from './staging.js';

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
  readonly operation: Operation;
}

/** How often to give a socket its name while other processes take it away. */
const MAX_LINKS = 10;

/**
 * Makes a server reachable under its name, replacing a stale socket there. Returns the socket file.
 *
 * The server starts in a staging directory next to the file that only this user can enter, and the socket gets its mode
 * and group there. Then link(2) gives it its name, in one step that never replaces a file. So no other process can see
 * the socket with another mode or group, or before it accepts connections.
 *
 * @throws TransportError `ADDRESS_IN_USE`, `NOT_A_SOCKET` or `PERMISSION_DENIED`. Then the file at the path is untouched.
 *   `ENOENT` if another process removed the directory, or a {@link StagingError} if this way of publishing is not
 *   possible here.
 */
export async function publish(publication: Publication): Promise<FileIdentity> {
  const { directory, name, isContested, operation, mode, gid, listenAt } = publication;
  const cleanup = new Cleanup();
  try {
    // Every step that creates something is synchronous up to its `defer`, so that the process cannot exit in between.
    const staging = openStaging(directory);
    cleanup.defer(() => {
      directory.removeChild(staging);
      staging.close();
    });
    if (isContested) await lock(staging.at(digest(name)), operation, cleanup);
    const stale = isContested ? await findStale(publication) : undefined;
    // When the server closes, libuv removes any file with the name that was bound: it must be unguessable.
    const socket = staging.at(ownedName('new'));
    assertStagedPathFits(socket);
    cleanup.defer(() => {
      unlinkIfThere(socket);
    });
    await bind(staging, socket, listenAt);
    operation.throwIfCancelled();
    setAccess(socket, { mode, gid });
    if (stale !== undefined)
      await removeStale(pathOf(publication), directory.at(name), staging.at(ownedName('old')), stale);
    const identity = fileAt(socket);
    if (identity === undefined) throw notFound(socket);
    linkSocket(publication, socket, identity);
    return identity;
  } finally {
    await cleanup.run();
  }
}

/**
 * The same without a staging directory: where links are not possible, or in a directory that other users cannot enter.
 * bind(2) never replaces a file either. Elsewhere, others can see the socket for a moment with the mode that the umask
 * gives it.
 */
export async function publishInPlace(publication: Publication): Promise<FileIdentity> {
  const { directory, name, isContested, listenAt, mode, gid } = publication;
  const file = directory.at(name);
  const stale = isContested ? await findStale(publication) : undefined;
  if (stale !== undefined) await removeStale(pathOf(publication), file, directory.at(asideName()), stale);
  await bind(directory, file, listenAt);
  const identity = fileAt(file);
  if (identity?.isSocket() !== true) throw appeared(pathOf(publication));
  try {
    directory.setSocketAccess(name, { mode, gid });
    return identity;
  } catch (error) {
    directory.removeSocket(name, identity);
    // So that libuv removes nothing when the server closes.
    directory.close();
    throw error;
  }
}

function pathOf({ directory, name }: Publication): string {
  return join(directory.path, name);
}

function findStale(publication: Publication): Promise<BigIntStats | undefined> {
  return staleSocket(pathOf(publication), publication.directory.at(publication.name));
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
      throw errnoOf(error) === 'ENOENT' ? error : new StagingError(error);
    }
    const stats = fileAt(file);
    if (stats !== undefined && isFile(stats, identity)) return;
    if (stats !== undefined) break;
  }
  throw appeared(path);
}
