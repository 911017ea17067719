import type { Directory } from './directory.js';
import { fileAt, isFile } from './files.js';

/** A directory in use. */
export interface UsedDirectory {
  readonly directory: Directory;
  /** Stops using it. */
  readonly release: () => void;
}

/** Those that the listeners of this thread share, by the path asked for: so each needs no descriptors of its own. */
const shared = new Map<string, UsedDirectory & { users: number }>();

/** Joins in the use of a directory. `undefined` if this thread shares none, or if it was removed or replaced. */
export function joinDirectory(path: string): UsedDirectory | undefined {
  const known = shared.get(path);
  const stats = known === undefined ? undefined : fileAt(known.directory.path);
  if (known === undefined || stats === undefined || !isFile(stats, known.directory.stats)) return undefined;
  known.users++;
  return known;
}

/**
 * Lets other listeners of this thread join in the use of a directory.
 *
 * @param path - The path asked for.
 * @param onUnused - Called when the last one stops using it.
 */
export function shareDirectory(path: string, directory: Directory, onUnused: () => void): UsedDirectory {
  const used = {
    directory,
    users: 1,
    release: () => {
      if (--used.users > 0) return;
      if (shared.get(path) === used) shared.delete(path);
      onUnused();
    },
  };
  shared.set(path, used);
  return used;
}
