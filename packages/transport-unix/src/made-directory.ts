import { rmdirSync } from 'node:fs';
import { errnoOf } from '@rpcplugin/transport-core';
import { HeldDirectory } from './held-directory.js';
import type { TidyUp } from './tidy-up.js';

/** Those that are in use, by path. */
const inUse = new Map<string, MadeDirectory>();

/**
 * A directory that this process has made, shared by its transports. With its last user it is removed, unless something else has been put
 * in it, or another directory in its place.
 */
export class MadeDirectory {
  readonly path: string;
  readonly #held: HeldDirectory;
  #users = 0;

  /** @param path - Has just been made. Is removed, and this throws, if it can not be held: there is no descriptor left, say. */
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

  /** The one at a path, unless a cleaner has removed it, and somebody else perhaps made another. */
  static at(path: string): MadeDirectory | undefined {
    const directory = inUse.get(path);
    return directory !== undefined && directory.#held.isAt(path) ? directory : undefined;
  }

  use(tidyUp: TidyUp): void {
    this.#users++;
    tidyUp.defer(() => {
      if (--this.#users > 0) return;
      if (inUse.get(this.path) === this) inUse.delete(this.path);
      const isThere = this.#held.isAt(this.path);
      this.#held.close();
      if (isThere) removeIfEmpty(this.path);
    });
  }
}

/** Removes a directory as far as it is there and nothing is in it. */
export function removeIfEmpty(directory: string): void {
  removeIfThere(directory, rmdirSync);
}

/** Whoever may write in the directory above can have taken its name, or given it to something else. */
export function removeIfThere(path: string, remove: (path: string) => void): void {
  try {
    remove(path);
  } catch (error) {
    if (!['ENOENT', 'ENOTDIR', 'ENOTEMPTY'].includes(errnoOf(error) ?? '')) throw error;
  }
}
