import { rmdirSync } from 'node:fs';
import { errnoOf } from '@rpcplugin/transport-base';
import type { Cleanup } from '@rpcplugin/transport-base';
import { HeldDirectory } from './held-directory.js';

/** The directories in use, by path. */
const inUse = new Map<string, MadeDirectory>();

/**
 * A directory that this process made, shared by its transports. The last transport to stop using it removes it, unless
 * it contains something else or another directory took its place.
 */
export class MadeDirectory {
  readonly path: string;
  readonly #held: HeldDirectory;
  #users = 0;

  /**
   * @param path - A directory that was just made. If it cannot be held, such as without a free file descriptor, this
   *   removes it and throws.
   */
  constructor(path: string) {
    this.path = path;
    try {
      this.#held = HeldDirectory.openOwn(path);
    } catch (error) {
      removeIfEmpty(path);
      throw error;
    }
    inUse.set(path, this);
  }

  /** The directory in use at a path, unless a cleaner removed it; another process may have made a new one since. */
  static at(path: string): MadeDirectory | undefined {
    const directory = inUse.get(path);
    return directory !== undefined && directory.#held.isAt(path) ? directory : undefined;
  }

  /** Keeps the directory until the cleanup runs. */
  use(cleanup: Cleanup): void {
    this.#users++;
    cleanup.defer(() => {
      if (--this.#users > 0) return;
      if (inUse.get(this.path) === this) inUse.delete(this.path);
      const isThere = this.#held.isAt(this.path);
      this.#held.close();
      if (isThere) removeIfEmpty(this.path);
    });
  }
}

/** Removes a directory, unless it is missing or not empty. */
export function removeIfEmpty(directory: string): void {
  removeIfThere(directory, rmdirSync);
}

/**
 * Removes a file or directory. Does nothing if it is missing, not a directory or not empty: a user who can write in the
 * parent directory may have moved or replaced it.
 */
export function removeIfThere(path: string, remove: (path: string) => void): void {
  try {
    remove(path);
  } catch (error) {
    if (!['ENOENT', 'ENOTDIR', 'ENOTEMPTY'].includes(errnoOf(error) ?? '')) throw error;
  }
}
