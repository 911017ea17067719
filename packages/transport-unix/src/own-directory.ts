import { closeSync, constants, existsSync, fstatSync, openSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { join } from 'node:path';

/**
 * A directory of this user, held by a descriptor: whoever may write in the directory above can give its name to another one, or to a
 * link, but what is done {@link at} a name in it is done in this very directory.
 */
export class OwnDirectory {
  readonly stats: Stats;
  readonly #descriptor: number;
  readonly #path: string;

  /** Throws unless it is a directory and belongs to this user. */
  constructor(path: string) {
    this.#descriptor = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
    this.stats = fstatSync(this.#descriptor);
    // proc(5). Its paths are short, too, however long that of the directory is.
    const alias = `/proc/self/fd/${this.#descriptor}`;
    this.#path = process.platform === 'linux' && existsSync(alias) ? alias : path;
    if (this.stats.uid === process.getuid?.()) return;
    this.close();
    throw new Error(`${path} belongs to another user`);
  }

  /** A path for `name` in it, good until it is closed; of the directory itself without a name. */
  at(name = ''): string {
    return join(this.#path, name);
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}
