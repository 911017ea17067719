// Not node:fs/promises: starting its threads takes longer than reading a directory.
import { readdirSync, rmdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { HeldDirectory } from './held-directory.js';
import { staleSocket } from './stale-socket.js';

/**
 * How old an empty directory must be before it is removed, in milliseconds: a process may be about to put its socket
 * into a newer one.
 */
export const EMPTY_FOR_MS = 60_000;

/**
 * Removes what killed processes left in a directory: subdirectories of this user with a matching name, and the stale
 * sockets in them. A subdirectory that is or may be in use stays.
 *
 * @param isOurs - Whether a name matches.
 * @param emptyForMs - How old an empty subdirectory must be, in milliseconds.
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
    // Fails unless it is empty now.
    rmdirSync(path);
  } catch {
    // Not ours, in use, or being swept by another process. The next sweep tries again.
  }
}

/** Throws if the directory is empty and so new that its process may be about to put a socket into it. */
async function removeDeadSockets(directory: HeldDirectory, emptyForMs: number): Promise<void> {
  const entries = readdirSync(directory.at(), { withFileTypes: true });
  // File times are finer than `Date.now`: a directory made in the current millisecond seems to be from the future.
  const ageMs = Math.max(0, Date.now() - Number(directory.stats.mtimeMs));
  if (entries.length === 0 && ageMs < emptyForMs) throw new Error('the directory is too new');
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
