import { lstat, readdir, rmdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
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
  const names = await readdir(parent).catch(() => []);
  await Promise.all(names.filter(isOurs).map((name) => removeIfDead(join(parent, name), emptyForMs)));
}

async function removeIfDead(directory: string, emptyForMs: number): Promise<void> {
  try {
    const stats = await lstat(directory);
    if (!stats.isDirectory() || stats.uid !== process.getuid?.()) return;
    const entries = await readdir(directory, { withFileTypes: true });
    if (entries.length === 0 && Date.now() - stats.mtimeMs < emptyForMs) return;
    for (const entry of entries) {
      const path = join(directory, entry.name);
      if (entry.isDirectory()) await removeIfDead(path, emptyForMs);
      else if (entry.isSocket() && (await isStale(path))) await unlink(path);
    }
    // Fails if something is left in it.
    await rmdir(directory);
  } catch {
    // Somebody else sweeps too, or it is in use. There is always a next time.
  }
}

async function isStale(path: string): Promise<boolean> {
  const stale = await staleSocket(path, new AbortController().signal).catch(() => undefined);
  return stale !== undefined;
}
