import { closeSync, constants, existsSync, fstatSync, openSync } from 'node:fs';
import type { BigIntStats } from 'node:fs';
import { join } from 'node:path';
import { isStill } from './file-identity.js';

/** open(2): a descriptor that names a file and asks for no right to read it. Node has no constant for it. */
const O_PATH = process.platform === 'linux' ? 0o10_000_000 : 0;

/**
 * A directory that is held by a descriptor: whoever may write in the directory above can give its name to another one, or to a
 * link, but what is done {@link at} a name in it is done in this very directory. Once it has been removed, nothing can be made
 * in it any more (ENOENT), and no other gets its inode.
 */
export class HeldDirectory {
  readonly stats: BigIntStats;
  readonly #descriptor: number;
  readonly #path: string;

  private constructor(path: string, flags: number) {
    this.#descriptor = openSync(path, constants.O_DIRECTORY | O_PATH | flags);
    this.stats = fstatSync(this.#descriptor, { bigint: true });
    // proc(5). Its paths are short, too, however long that of the directory is.
    this.#path = HeldDirectory.hasShortPaths() ? `/proc/self/fd/${this.#descriptor}` : path;
  }

  /** Whether paths in a held directory are short, and lead into it whatever has its name. */
  static hasShortPaths(): boolean {
    return process.platform === 'linux' && existsSync('/proc/self/fd');
  }

  /** Any directory, or one that a link leads to. */
  static open(path: string): HeldDirectory {
    return new HeldDirectory(path, 0);
  }

  /** Throws unless it is a directory, not a link to one, and belongs to this user. */
  static openOwn(path: string): HeldDirectory {
    const directory = new HeldDirectory(path, constants.O_NOFOLLOW);
    if (directory.stats.uid === BigInt(process.geteuid?.() ?? -1)) return directory;
    directory.close();
    throw new Error(`${path} belongs to another user`);
  }

  /** A path for `name` in it, good until it is closed; of the directory itself without a name. */
  at(name = ''): string {
    return join(this.#path, name);
  }

  /** Whether it is the one at a path. */
  isAt(path: string): boolean {
    const { dev, ino } = this.stats;
    return isStill(path, { dev, ino });
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}
