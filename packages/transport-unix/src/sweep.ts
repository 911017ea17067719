import { opendirSync } from 'node:fs';
import type { Dirent } from 'node:fs';
import { join } from 'node:path';
import { realTime } from '@rpcplugin/transport-base';
import { beaconOf, namesByBeacon } from './beacon.js';
import type { Directory } from './directory.js';
import { fileAt, unlinkIfThere } from './files.js';
import { hasOwner, ownerState } from './owner.js';
import { breakIfAbandoned } from './path-lock.js';
import { boundSockets, isStaleSocket } from './stale-socket.js';
import { findStaging } from './staging.js';

/** How many entries to look at in one turn of the event loop. Each takes some 50 µs. */
const ENTRIES_PER_TURN = 20;
/** How many turns a sweep takes at most. */
const MAX_TURNS = 50;
/** How many sockets of the plugins of one host to look at. */
const SOCKETS_PER_HOST = 20;

/** Removes an entry of a directory if nothing uses it. Returns false if it cannot know. */
type Visit = (directory: Directory, entry: Dirent) => Promise<boolean>;

/**
 * Sweeps a directory in which only this user can change anything. It starts in the next turn of the event loop and
 * takes about a millisecond of each.
 *
 * @param onEnd - Called once, when the sweep ends or is cancelled, with the number of entries that were left because
 *   nobody can know whether they are in use.
 * @returns A function that cancels the sweep.
 */
export function startSweep(directory: Directory, visit: Visit, onEnd: (unknown: number) => void): () => void {
  const state = { isOver: false, unknown: 0 };
  const end = (): void => {
    if (state.isOver) return;
    state.isOver = true;
    onEnd(state.unknown);
  };
  const start = (): void => {
    // What fails is tried again by the next sweep.
    void sweep(directory, visit, state).then(end, end);
  };
  const starting = realTime.setImmediate(start).unref();
  return () => {
    realTime.clearImmediate(starting);
    end();
  };
}

/**
 * Removes what killed processes have left in the staging directory of a directory, and that directory. Returns a
 * function that cancels that.
 */
export function sweepStaging(directory: Directory, warn: (what: string) => void): () => void {
  const staging = findStaging(directory);
  if (staging === undefined) return () => undefined;
  return startSweep(staging, removeLeftover, (unknown) => {
    directory.release(staging);
    warnOfUnknown(staging, unknown, warn);
  });
}

/** Warns of leftovers that cannot be told from files in use. */
export function warnOfUnknown({ path }: Directory, count: number, warn: (what: string) => void): void {
  if (count > 0) warn(`files in ${path} were left, as their owners may be alive in another container: ${count}`);
}

async function sweep(directory: Directory, visit: Visit, state: { isOver: boolean; unknown: number }): Promise<void> {
  // The caller may close its own at any moment.
  const held = directory.reopen();
  try {
    const entries = opendirSync(held.at());
    try {
      for (let count = 1; count <= ENTRIES_PER_TURN * MAX_TURNS && !state.isOver; count++) {
        const entry = entries.readSync();
        if (entry === null) return;
        // One that cannot be removed is passed over.
        if (!(await visit(held, entry).catch(() => true))) state.unknown++;
        if (count % ENTRIES_PER_TURN === 0) await nextTurn();
      }
    } finally {
      entries.closeSync();
    }
  } finally {
    held.close();
  }
}

/**
 * Removes what a thread or process that is gone has left. Returns false for what has an unknown owner, unless there is
 * a beacon for it.
 */
export async function removeLeftover(directory: Directory, entry: Dirent): Promise<boolean> {
  const { name } = entry;
  const owner = ownerState(name);
  if (owner === 'alive') return true;
  if (owner === 'gone') {
    // One that was moved aside may be another process's, which should have got its name back.
    if (!name.startsWith('old-') || (await refuses(directory, name))) await remove(directory, name);
    return true;
  }
  if (entry.isSymbolicLink()) {
    await breakIfAbandoned(directory.at(name));
    return true;
  }
  if (namesByBeacon(name).length > 0) {
    if (await refuses(directory, name)) await remove(directory, name);
    return true;
  }
  const beacon = beaconOf(name);
  return !hasOwner(name) || (beacon !== undefined && fileAt(directory.at(beacon)) !== undefined);
}

function refuses(directory: Directory, name: string): Promise<boolean> {
  return isStaleSocket(join(directory.path, name), directory.at(name));
}

/** Removes a socket or the directory of a host; a beacon only after what it is for. */
async function remove(directory: Directory, name: string): Promise<void> {
  const owned = namesByBeacon(name);
  for (const each of owned) await remove(directory, each);
  if (owned.some((each) => fileAt(directory.at(each)) !== undefined)) return;
  const file = fileAt(directory.at(name));
  if (file?.isSocket() === true) unlinkIfThere(directory.at(name));
  else if (file?.isDirectory() === true && name.startsWith('host-')) await removeHostDirectory(directory, name);
}

/** Removes the directory of a host that is gone, without the sockets of plugins that still run. */
async function removeHostDirectory(parent: Directory, name: string): Promise<void> {
  const directory = parent.openChild(name);
  try {
    const entries = opendirSync(directory.at());
    try {
      for (let count = 1; count <= SOCKETS_PER_HOST; count++) {
        const entry = entries.readSync();
        if (entry === null) break;
        await removeIfDead(directory, entry.name);
      }
    } finally {
      entries.closeSync();
    }
  } finally {
    parent.release(directory);
  }
}

/**
 * Removes the socket of a plugin whose host is gone, if it has ended as well. If its name does not say so, such as that
 * of one of go-plugin, it has ended if the kernel knows no socket with its path, and it refuses connections, which
 * shows in other network namespaces as well.
 */
async function removeIfDead(directory: Directory, name: string): Promise<void> {
  if (fileAt(directory.at(name))?.isSocket() !== true) return;
  const owner = ownerState(name);
  const isUnbound = (): boolean => boundSockets(join(directory.path, name)).length === 0;
  const isDead = owner === 'gone' || (owner === 'unknown' && isUnbound() && (await refuses(directory, name)));
  if (isDead) unlinkIfThere(directory.at(name));
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    realTime.setImmediate(resolve).unref();
  });
}
