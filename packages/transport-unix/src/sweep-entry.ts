import { opendirSync } from 'node:fs';
import type { Dirent } from 'node:fs';
import { join } from 'node:path';
import { beaconOf, namesByBeacon } from './beacon.js';
import type { Directory } from './directory.js';
import { fileAt, unlinkIfThere } from './files.js';
import { hasOwner, ownerState } from './owner.js';
import { breakIfAbandoned, lockState } from './path-lock.js';
import { boundSockets, isStaleSocket } from './stale-socket.js';

/** How many sockets of the plugins of one host to look at. */
const SOCKETS_PER_HOST = 20;

/**
 * What is known of an entry: whether its owner is `gone` or `alive`, that its owner is `unknown`, or that it is
 * `other`: no file of this package, or one whose beacon decides.
 */
export type Verdict = 'gone' | 'alive' | 'unknown' | 'other';

/** What becomes of leftovers: a sweep removes them, and a survey only notes them. */
export interface Disposal {
  /** Removes a socket. Returns whether it is gone, or would be. */
  readonly unlink: (directory: Directory, name: string) => boolean;
  /** Removes the lock of a dead owner. */
  readonly breakLock: (directory: Directory, name: string) => Promise<unknown>;
  /**
   * Closes a subdirectory and removes it if it is empty. Returns whether it is gone, or would be.
   *
   * @param isEmptied - Whether everything in it is gone, or would be.
   */
  readonly release: (parent: Directory, directory: Directory, isEmptied: boolean) => boolean;
}

/** Removes leftovers. */
export const removal: Disposal = {
  unlink: (directory, name) => {
    unlinkIfThere(directory.at(name));
    return true;
  },
  breakLock: (directory, name) => breakIfAbandoned(directory.at(name)),
  release: (parent, directory) => parent.release(directory),
};

/**
 * Disposes of an entry of a private or staging directory if a thread or process that is gone has left it. What has an
 * unknown owner stays, unless there is a beacon for it.
 */
export async function sweepEntry(directory: Directory, entry: Dirent, disposal: Disposal): Promise<Verdict> {
  const { name } = entry;
  const owner = ownerState(name);
  if (owner === 'alive') return 'alive';
  if (owner === 'gone') {
    // One that was moved aside may be another process's, which should have got its name back.
    if (name.startsWith('old-') && !(await refuses(directory, name))) return 'alive';
    await dispose(directory, name, disposal);
    return 'gone';
  }
  if (entry.isSymbolicLink()) {
    const state = lockState(directory.at(name));
    if (state === 'gone') await disposal.breakLock(directory, name);
    return state ?? 'other';
  }
  if (namesByBeacon(name).length > 0) {
    if (!(await refuses(directory, name))) return 'alive';
    await dispose(directory, name, disposal);
    return 'gone';
  }
  const beacon = beaconOf(name);
  if (beacon !== undefined && fileAt(directory.at(beacon)) !== undefined) return 'other';
  // It may have gone with its beacon since the directory was listed.
  return hasOwner(name) && fileAt(directory.at(name)) !== undefined ? 'unknown' : 'other';
}

function refuses(directory: Directory, name: string): Promise<boolean> {
  return isStaleSocket(join(directory.path, name), directory.at(name));
}

/** Disposes of a socket or the directory of a host; of a beacon only after what it is for. */
async function dispose(directory: Directory, name: string, disposal: Disposal): Promise<void> {
  let isAlone = true;
  for (const owned of namesByBeacon(name)) isAlone = (await disposeOfFile(directory, owned, disposal)) && isAlone;
  if (isAlone) await disposeOfFile(directory, name, disposal);
}

/** Returns whether the socket, or the directory of a host, is gone. */
async function disposeOfFile(directory: Directory, name: string, disposal: Disposal): Promise<boolean> {
  const file = fileAt(directory.at(name));
  if (file?.isSocket() === true) return disposal.unlink(directory, name);
  if (file?.isDirectory() !== true || !name.startsWith('host-')) return file === undefined;
  return disposeOfHostDirectory(directory, name, disposal);
}

/** Disposes of the directory of a host that is gone, without the sockets of plugins that still run. */
async function disposeOfHostDirectory(parent: Directory, name: string, disposal: Disposal): Promise<boolean> {
  const directory = parent.openChild(name);
  let isEmptied = false;
  let isGone: boolean;
  try {
    isEmptied = await disposeOfDeadSockets(directory, disposal);
  } finally {
    isGone = disposal.release(parent, directory, isEmptied);
  }
  return isGone;
}

/** Returns whether no entry is left. */
async function disposeOfDeadSockets(directory: Directory, disposal: Disposal): Promise<boolean> {
  const entries = opendirSync(directory.at());
  try {
    let isEmptied = true;
    for (let count = 1; count <= SOCKETS_PER_HOST; count++) {
      const entry = entries.readSync();
      if (entry === null) return isEmptied;
      isEmptied = (await isDead(directory, entry.name)) && disposal.unlink(directory, entry.name) && isEmptied;
    }
    return entries.readSync() === null && isEmptied;
  } finally {
    entries.closeSync();
  }
}

/**
 * Whether it is the socket of a plugin that has ended, like its host. If its name does not say so, such as that of one
 * of go-plugin, it has ended if the kernel knows no socket with its path, and it refuses connections, which shows in
 * other network namespaces as well.
 */
async function isDead(directory: Directory, name: string): Promise<boolean> {
  if (fileAt(directory.at(name))?.isSocket() !== true) return false;
  const owner = ownerState(name);
  const isUnbound = (): boolean => boundSockets(join(directory.path, name)).length === 0;
  return owner === 'gone' || (owner === 'unknown' && isUnbound() && (await refuses(directory, name)));
}
