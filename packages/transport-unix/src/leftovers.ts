// Not node:fs/promises: to start its threads takes longer than to look at a directory.
import { readdirSync, rmdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { HeldDirectory } from './held-directory.js';
import { staleSocket } from './stale-socket.js';

/** How old an empty directory must be: a younger one may be of a process that is about to put its socket in. */
export const EMPTY_FOR_MS = 60_000;

/**
 * Removes what processes that were killed left in a directory: directories of this user with a name of ours, and the sockets in
 * them, as far as nobody listens on any. What can not be told, or is in use, stays.
 *
 * @param isOurs - Tells by the name.
 * @param emptyForMs - How old an empty directory must be.
 */
export async function sweepLeftovers(
  parent: string,
  isOurs: (name: string) => boolean,
  emptyForMs: number,
): Promise<void> {
  const ours = namesIn(parent).filter(isOurs);
  await Promise.all(ours.map((name) => removeIfDead(join(parent, name), emptyForMs)));
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

async function removeIfDead(path: string, emptyForMs: number): Promise<void> {
  try {
    const directory = HeldDirectory.openOwn(path);
    await removeDeadSockets(directory, emptyForMs).finally(() => {
      directory.close();
    });
    // Fails if something is left in it.
    rmdirSync(path);
  } catch {
    // Not ours, in use, or somebody else sweeps too. There is always a next time.
  }
}

/** Throws if it may be of somebody who is about to put a socket in. */
async function removeDeadSockets(directory: HeldDirectory, emptyForMs: number): Promise<void> {
  const entries = readdirSync(directory.at(), { withFileTypes: true });
  // The clock of files is finer than `Date.now`: what was made in this very millisecond seems to be from the future.
  const ageMs = Math.max(0, Date.now() - Number(directory.stats.mtimeMs));
  if (entries.length === 0 && ageMs < emptyForMs) throw new Error('too young');
  for (const entry of entries) {
    const path = directory.at(entry.name);
    if (entry.isDirectory()) await removeIfDead(path, emptyForMs);
    else if (entry.isSocket() && (await isStale(path))) unlinkSync(path);
  }
}

async function isStale(path: string): Promise<boolean> {
  const stale = await staleSocket(path).catch(() => undefined);
  return stale !== undefined;
}
