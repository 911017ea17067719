import { opendirSync } from 'node:fs';
import type { Dirent } from 'node:fs';
import { realTime } from '@rpcplugin/transport-base';
import type { Directory } from './directory.js';
import { findStaging } from './staging.js';
import { removal, sweepEntry } from './sweep-entry.js';

/** How many entries to look at in one turn of the event loop. Each takes some 50 µs. */
const ENTRIES_PER_TURN = 20;
/** How many turns a sweep takes at most. */
const MAX_TURNS = 50;

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
 * Removes what a thread or process that is gone has left: see {@link sweepEntry}. Returns false for what has an unknown
 * owner, except a lock: others go on without it, and it counts as left after a while.
 */
export async function removeLeftover(directory: Directory, entry: Dirent): Promise<boolean> {
  return (await sweepEntry(directory, entry, removal)) !== 'unknown' || entry.isSymbolicLink();
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    realTime.setImmediate(resolve).unref();
  });
}
