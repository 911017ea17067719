import { closeSync, constants, existsSync, fstatSync, openSync } from 'node:fs';
import type { BigIntStats } from 'node:fs';
import { join } from 'node:path';
import { isStill } from './file-identity.js';

/** A descriptor that only names a file and needs no permission to read it: open(2). Node has no constant for it. */
const O_PATH = process.platform === 'linux' ? 0o10_000_000 : 0;

/**
 * A directory held by a file descriptor. A user who can write in its parent can give its name to another directory or a
 * symbolic link, but paths from {@link at} still lead into this directory (see {@link hasShortPaths}). Once it is
 * removed, nothing can be created in it (ENOENT), and no other directory gets its inode number.
 */
export class HeldDirectory {
  readonly stats: BigIntStats;
  readonly #descriptor: number;
  readonly #path: string;

  private constructor(path: string, flags: number) {
    this.#descriptor = openSync(path, constants.O_DIRECTORY | O_PATH | flags);
    this.stats = fstatSync(this.#descriptor, { bigint: true });
    // See proc(5). These paths are also short, however long the path of the directory is.
    this.#path = HeldDirectory.hasShortPaths() ? `/proc/self/fd/${this.#descriptor}` : path;
  }

  /** Whether paths from {@link at} are short, and lead into the directory even if its name is given to another. */
  static hasShortPaths(): boolean {
    return process.platform === 'linux' && existsSync('/proc/self/fd');
  }

  /** Opens any directory, following symbolic links. */
  static open(path: string): HeldDirectory {
    return new HeldDirectory(path, 0);
  }

  /** Opens a directory of this user. Throws if it is another user's, a symbolic link, or not a directory. */
  static openOwn(path: string): HeldDirectory {
    const directory = new HeldDirectory(path, constants.O_NOFOLLOW);
    if (directory.stats.uid === BigInt(process.geteuid?.() ?? -1)) return directory;
    directory.close();
    throw new Error(`${path} belongs to another user`);
  }

  /** A path for `name` in the directory, or without a name for the directory itself. Valid until {@link close}. */
  at(name = ''): string {
    return join(this.#path, name);
  }

  /** Whether the path leads to this directory. */
  isAt(path: string): boolean {
    const { dev, ino } = this.stats;
    return isStill(path, { dev, ino });
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}
