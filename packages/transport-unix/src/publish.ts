import { linkSync } from 'node:fs';
import type { BigIntStats } from 'node:fs';
import { join } from 'node:path';
import { Cleanup, errnoOf } from '@rpcplugin/transport-base';
import type { ListenContext } from '@rpcplugin/transport-base';
import { TransportError } from '@rpcplugin/transport-core';
import { canSetSocketAccess, setSocketAccess } from './access.js';
import type { Access } from './access.js';
import type { Directory } from './directory.js';
import { fileAt, isFile, unlinkIfThere, withPaths } from './files.js';
import type { FileIdentity } from './files.js';
import { ownedName, unguessableName } from './owner.js';
import { lock } from './path-lock.js';
import { removeOwnSocket, removeStale } from './removal.js';
import { appeared } from './stale-socket.js';
import { assertStagedPathFits, openStaging, stagingError, stagingIfPossible } from './staging.js';

/** A socket to publish, and where. */
export interface Publication {
  readonly directory: Directory;
  /** The name of the file in the directory. */
  readonly name: string;
  /** Whether other processes may want the same name, or have left a stale socket there. */
  readonly isWellKnown: boolean;
  readonly access: Access;
  /** Starts the server at a path. The file has the mode and group that the system gives it. */
  readonly listenAt: (path: string) => Promise<unknown>;
  readonly context: Pick<ListenContext, 'operation' | 'warn'>;
}

/** A socket that was published. */
export interface Published {
  /** The file. */
  readonly socket: FileIdentity;
  /** Removes the file, if it still is this one. Call it before the server is closed. */
  readonly unpublish: () => void;
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
 * Makes a server reachable under its name, replacing a stale socket there.
 *
 * @throws TransportError `ADDRESS_IN_USE`, `NOT_A_SOCKET` or `PERMISSION_DENIED`. Then the file at the path is
 *   untouched. `ENOENT` if another process removed the directory, or a {@link StagingError} if the method is not
 *   possible here.
 */
export async function publish(publication: Publication, method: Method): Promise<Published> {
  const { directory, name, isWellKnown, context } = publication;
  // When the server closes, libuv removes any file with the name that was bound. So that name cannot be guessed, or it
  // leads through a descriptor that is closed before.
  const own = method === 'bare' && isWellKnown ? directory.reopen() : undefined;
  let socket: BigIntStats | undefined;
  const unpublish = (): void => {
    try {
      if (socket !== undefined) removeOwnSocket(directory, name, socket);
    } finally {
      own?.close();
    }
  };
  const cleanup = new Cleanup();
  try {
    // Every step that creates something is synchronous up to its `defer`, so that the process cannot exit in between.
    const isTaken = isWellKnown && fileAt(directory.at(name)) !== undefined;
    const staging = method === 'staged' ? openStaging(directory) : isTaken ? stagingIfPossible(directory) : undefined;
    if (staging !== undefined) cleanup.defer(() => void directory.release(staging));
    if (isTaken && staging !== undefined) await lock(staging.at(`lock:${name}`), context, cleanup);
    const [place, boundName] =
      method === 'bare'
        ? [own ?? directory, name]
        : method === 'staged' && staging !== undefined
          ? [staging, ownedName('new')]
          : [directory, `.rpcplugin-${unguessableName()}`];
    const bound = place.at(boundName);
    if (method === 'bare') {
      if (isTaken) await takeOver(publication, staging);
    } else {
      assertStagedPathFits(bound);
      cleanup.defer(() => {
        unlinkIfThere(bound);
      });
    }
    await bind(place, bound, publication.listenAt);
    socket = fileAt(bound);
    if (socket === undefined) throw notFound(bound);
    context.operation.throwIfCancelled();
    setAccess(publication, place, boundName, socket);
    if (method !== 'bare') {
      if (isTaken) await takeOver(publication, staging);
      linkSocket(publication, bound, socket);
    }
    await cleanup.run();
    return { socket, unpublish };
  } catch (error) {
    const named = withPaths(error);
    // If cleaning up fails too, the first error says more.
    await cleanup.run().catch(() => undefined);
    try {
      unpublish();
    } catch {
      // As above.
    }
    throw named;
  }
}

/** Removes a stale socket that has the name. */
async function takeOver(publication: Publication, staging: Directory | undefined): Promise<void> {
  const { directory, name } = publication;
  try {
    await removeStale(directory, name, staging);
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') throw appeared(pathOf(publication), error);
    throw stagingError(error);
  }
}

/** Without `/proc`, in a directory that others can write to, the umask decides: only if it is strict enough. */
function setAccess({ access, context }: Publication, place: Directory, name: string, socket: BigIntStats): void {
  if (canSetSocketAccess(place)) {
    setSocketAccess(place, name, access, socket);
    return;
  }
  if (access.gid !== undefined || (Number(socket.mode) & 0o777 & ~access.mode) !== 0) {
    throw new TransportError('PERMISSION_DENIED', `the mode of a socket in ${place.path} cannot be set safely`, {
      hint: 'Choose a directory in which no other user can replace files, or mount /proc.',
    });
  }
  context.warn(`the socket has the mode that the umask gives it: another user may replace ${place.path}`);
}

function pathOf({ directory, name }: Publication): string {
  return join(directory.path, name);
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
  let refusal: unknown;
  for (let attempt = 1; attempt <= MAX_LINKS; attempt++) {
    try {
      linkSync(socket, file);
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw stagingError(error);
      refusal = error;
    }
    const found = fileAt(file);
    if (found === undefined) continue;
    if (isFile(found, identity)) return;
    break;
  }
  throw appeared(path, refusal);
}
