import { opendirSync } from 'node:fs';
import type { Dirent } from 'node:fs';
import { join } from 'node:path';
import type { Directory } from './directory.js';
import { fileAt, unlinkIfThere } from './files.js';
import { ownerState } from './owner.js';
import { breakIfAbandoned } from './path-lock.js';
import { findStaging } from './staging.js';
import { staleSocket } from './stale-socket.js';

/** How many entries to look at in one turn of the event loop. Each takes some 50 µs. */
const ENTRIES_PER_TURN = 20;
/** How many turns a sweep takes at most. */
const MAX_TURNS = 50;

/**
 * Removes what killed processes have left in the staging directory of a directory, and that directory. Returns a
 * function that cancels that.
 */
export function sweepStaging(directory: Directory): () => void {
  const staging = findStaging(directory);
  if (staging === undefined) return () => undefined;
  const close = (): void => {
    try {
      directory.removeChild(staging);
    } finally {
      staging.close();
    }
  };
  const cancel = startSweep(staging, removeLeftover, close);
  return () => {
    cancel();
    close();
  };
}

/**
 * Removes what threads and processes that are gone have left in a directory: sockets whose names name their owner, and
 * locks. It starts in the next turn of the event loop and takes about a millisecond of each.
 *
 * @param directory - One that only this user can change.
 * @param visit - Called with each entry; removes what it knows to be left. Default: sockets and locks.
 * @param onEnd - Called at the end, unless the sweep is cancelled before.
 * @returns A function that cancels the sweep, or does nothing after its end.
 */
export function startSweep(
  directory: Directory,
  visit: (directory: Directory, entry: Dirent) => Promise<void> = removeLeftover,
  onEnd?: () => void,
): () => void {
  const state = { isCancelled: false };
  const start = (): void => {
    // What fails is tried again by the next sweep.
    const sweeping = sweep(directory, visit, state).catch(() => undefined);
    void sweeping.then(() => {
      if (!state.isCancelled) onEnd?.();
    });
  };
  const starting = setImmediate(start).unref();
  return () => {
    clearImmediate(starting);
    state.isCancelled = true;
  };
}

async function sweep(
  directory: Directory,
  visit: (directory: Directory, entry: Dirent) => Promise<void>,
  state: Readonly<{ isCancelled: boolean }>,
): Promise<void> {
  // The caller may close its own at any moment.
  const held = directory.reopen();
  try {
    const entries = opendirSync(held.at());
    try {
      for (let count = 1; count <= ENTRIES_PER_TURN * MAX_TURNS && !state.isCancelled; count++) {
        const entry = entries.readSync();
        if (entry === null) return;
        // One that cannot be removed is passed over.
        await visit(held, entry).catch(() => undefined);
        if (count % ENTRIES_PER_TURN === 0) await nextTurn();
      }
    } finally {
      entries.closeSync();
    }
  } finally {
    held.close();
  }
}

async function removeLeftover(directory: Directory, entry: Dirent): Promise<void> {
  const { name } = entry;
  const owner = ownerState(name);
  if (owner === 'gone') await removeOfGone(directory, name);
  else if (entry.isSymbolicLink()) await breakIfAbandoned(directory.at(name));
  else if (owner === 'unknown' && isBeacon(name)) await removeIfRefused(directory, name);
}

/** One that was moved aside may be another process's, which should have got its name back. */
async function removeOfGone(directory: Directory, name: string): Promise<void> {
  if (!name.startsWith('old-') || (await isStale(directory, name))) removeSocket(directory, name);
}

async function isStale(directory: Directory, name: string): Promise<boolean> {
  const stale = await staleSocket(join(directory.path, name), directory.at(name)).catch(() => undefined);
  return stale !== undefined;
}

function removeSocket(directory: Directory, name: string): void {
  if (fileAt(directory.at(name))?.isSocket() === true) unlinkIfThere(directory.at(name));
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve).unref();
  });
}

/**
 * The name of a second socket, which processes of this user in other containers may connect to, so that they need not
 * connect to that of the plugin: when it refuses, the plugin has ended.
 */
export function beaconOf(plugin: string): string {
  return plugin.replace(/^plugin-/, 'beacon-');
}

function isBeacon(name: string): boolean {
  return name.startsWith('beacon-');
}

async function removeIfRefused(directory: Directory, beacon: string): Promise<void> {
  if (!(await isStale(directory, beacon))) return;
  removeSocket(directory, beacon.replace(/^beacon-/, 'plugin-'));
  removeSocket(directory, beacon);
}
