import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmdirSync,
  statSync,
} from 'node:fs';
import type { BigIntStats } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { errnoOf } from '@rpcplugin/transport-base';
import { ownUid, setAccess } from './access.js';
import type { Access } from './access.js';
import { fileAt, isFile, O_PATH, unlinkIfThere } from './files.js';
import type { FileIdentity } from './files.js';
import { unguessableName } from './owner.js';
import { assertTrustworthy } from './trust.js';

/** How often to try while other processes create and remove a directory. */
const MAX_ATTEMPTS = 100;

/** Why a directory cannot be used as one of this user. */
class TakenError extends Error {}

/**
 * A directory held by a file descriptor. On Linux, paths from {@link at} lead through `/proc/self/fd` into this very
 * directory, even if another user gives its name to another directory or a link. They are also short, however long the
 * path of the directory is. Without `/proc`, they are ordinary paths, and {@link release} removes only what no
 * other user can have put there.
 */
export class Directory {
  /** The path that it was opened by, for messages. */
  readonly path: string;
  readonly stats: BigIntStats;
  readonly #descriptor: number;
  /** Whether paths from {@link at} lead through the descriptor. */
  readonly isHeld: boolean;
  readonly #prefix: string;
  #isOpen = true;

  private constructor(path: string, opened: string, flags = 0) {
    this.path = path;
    this.#descriptor = openSync(opened, constants.O_DIRECTORY | O_PATH | flags);
    try {
      this.stats = fstatSync(this.#descriptor, { bigint: true });
      const throughDescriptor = `/proc/self/fd/${this.#descriptor}`;
      this.isHeld = this.#isAt(throughDescriptor);
      this.#prefix = this.isHeld ? throughDescriptor : opened;
    } catch (error) {
      closeSync(this.#descriptor);
      throw error;
    }
  }

  /** Opens a directory, following symbolic links. */
  static open(path: string): Directory {
    return new Directory(path, path);
  }

  /** Opens the same directory once more. */
  reopen(): Directory {
    return new Directory(this.path, this.at());
  }

  /** A path for an entry, or without a name for the directory itself. Valid until {@link close}. */
  at(name = ''): string {
    return join(this.#prefix, name);
  }

  /** Whether the path leads to this directory. False without `/proc`, or if Node's permission model forbids it. */
  #isAt(path: string): boolean {
    try {
      const stats = statSync(path, { bigint: true });
      // Undefined without the permission model.
      const permission = process.permission as typeof process.permission | undefined;
      return isFile(stats, this.stats) && (permission?.has('fs.write', path) ?? true);
    } catch {
      return false;
    }
  }

  /**
   * Whether another user can make paths from {@link at} lead elsewhere. Not with `/proc`; otherwise not if no other
   * user can rename the directories that the path leads through.
   */
  canBeRedirected(path = this.path): 'no' | 'perhaps' | 'yes' {
    if (this.isHeld) return 'no';
    try {
      return assertTrustworthy(path) === undefined ? 'no' : 'perhaps';
    } catch {
      return 'yes';
    }
  }

  /** Whether the directory was removed, although it is held. */
  get isRemoved(): boolean {
    return fstatSync(this.#descriptor, { bigint: true }).nlink === 0n;
  }

  /**
   * Creates a subdirectory of this user, with this access under any umask. Throws if the name is taken (`EEXIST`).
   */
  create(name: string, access: Access): Directory {
    mkdirSync(this.at(name), 0o700);
    try {
      const created = this.openChild(name);
      try {
        created.#secure(access);
        return created;
      } catch (error) {
        created.close();
        throw error;
      }
    } catch (error) {
      this.#removeIfEmpty(name);
      throw error;
    }
  }

  /**
   * Opens a subdirectory of this user that has this access, and creates it if needed. If the name is taken by any other
   * file, it creates one with a name that cannot be guessed.
   */
  openOrCreate(name: string, access: Access): Directory {
    for (let attempt = 1; ; attempt++) {
      try {
        return this.openOwn(name, access) ?? this.create(name, access);
      } catch (error) {
        // O_DIRECTORY and O_NOFOLLOW: it is a file or a link.
        if (error instanceof TakenError || ['ENOTDIR', 'ELOOP'].includes(errnoOf(error) ?? '')) {
          return this.create(`${name}-${unguessableName()}`, access);
        }
        // Another process creates it at this moment.
        if (errnoOf(error) !== 'EEXIST' || attempt === MAX_ATTEMPTS) throw error;
      }
    }
  }

  /** Opens a subdirectory of this user and sets its access; `undefined` if there is no such file. */
  openOwn(name: string, access: Access): Directory | undefined {
    // Cheaper than an error.
    if (fileAt(this.at(name)) === undefined) return undefined;
    let directory: Directory | undefined;
    try {
      directory = this.openChild(name);
      directory.#secure(access);
      return directory;
    } catch (error) {
      directory?.close();
      if (errnoOf(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  /**
   * Closes a subdirectory and removes it, unless it is not empty or another file has its name. Returns whether it is
   * gone.
   */
  release(child: Directory): boolean {
    try {
      const name = basename(child.path);
      const stats = fileAt(this.at(name));
      if (stats !== undefined && isFile(stats, child.stats)) this.#removeIfEmpty(name);
      return child.isRemoved;
    } finally {
      child.close();
    }
  }

  /** Removes a socket if it still is this one. Only this user must be able to replace it. */
  unlinkSocket(name: string, socket: FileIdentity): void {
    const stats = fileAt(this.at(name));
    if (stats !== undefined && isFile(stats, socket)) unlinkIfThere(this.at(name));
  }

  /** Closes the descriptor, once. */
  close(): void {
    if (this.#isOpen) closeSync(this.#descriptor);
    this.#isOpen = false;
  }

  /** Opens a subdirectory. Throws for a symbolic link. */
  openChild(name: string): Directory {
    return new Directory(join(this.path, name), this.at(name), constants.O_NOFOLLOW);
  }

  /**
   * Gives the directory its mode and group. It must be one that only this user can have made: of this user, and not
   * open to others. Only an empty one is opened to a group, as another user may have moved it here.
   */
  #secure({ mode, gid }: Access, isRetry = false): void {
    const actual = fstatSync(this.#descriptor, { bigint: true });
    const actualMode = Number(actual.mode & 0o7777n);
    const hasGroup = gid === undefined || actual.gid === BigInt(gid);
    if (actual.uid !== ownUid()) throw new TakenError(`${this.path} belongs to another user`);
    if (actualMode === mode && hasGroup) {
      this.#assertWritable();
      return;
    }
    if ((actualMode & 0o077) !== 0) throw new TakenError(`${this.path} is open to other users`);
    if (this.canBeRedirected(dirname(this.path)) !== 'no') {
      throw new TakenError(`${this.path} may have been replaced by another user`);
    }
    // Only the umask of its creator takes these away.
    if ((actualMode & 0o700) !== 0o700) chmodSync(this.at(), 0o700);
    if (readdirSync(this.at()).length > 0) {
      // It has its mode now, or another process gave it the group and used it in the meantime.
      if (isRetry) throw new TakenError(`${this.path} is not empty`);
      this.#secure({ mode, gid }, true);
      return;
    }
    setAccess(this.at(), { mode, gid });
  }

  /** In a user namespace that does not map this user, directories of other users seem to belong to it. */
  #assertWritable(): void {
    try {
      // The directory itself: for a link, Deno looks at the mode of the link.
      accessSync(`${this.at()}/.`, constants.W_OK | constants.X_OK);
    } catch (cause) {
      throw new TakenError(`${this.path} is not writable`, { cause });
    }
  }

  #removeIfEmpty(name: string): void {
    if (this.canBeRedirected() !== 'no') return;
    try {
      rmdirSync(this.at(name));
    } catch (error) {
      // Another process uses, removed or replaced it.
      if (!['ENOENT', 'ENOTDIR', 'ENOTEMPTY', 'EEXIST'].includes(errnoOf(error) ?? '')) throw error;
    }
  }
}
