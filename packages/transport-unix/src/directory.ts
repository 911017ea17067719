import {
  accessSync,
  chmodSync,
  chownSync,
  closeSync,
  constants,
  fstatSync,
  lchmodSync,
  lchownSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmdirSync,
  statSync,
} from 'node:fs';
import type { BigIntStats } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { errnoOf } from '@rpcplugin/transport-base';
import { fileAt, isFile, unlinkIfThere } from './files.js';
import type { FileIdentity } from './files.js';
import { unguessableName } from './names.js';
import { assertTrustworthy } from './trust.js';

/** A descriptor that only names a file and needs no permission to read it: open(2). Node has no constant for it. */
const O_PATH = process.platform === 'linux' ? 0o10_000_000 : 0;

/** Changes the mode of a file, without following a link. Only macOS has it. */
// eslint-disable-next-line @typescript-eslint/no-deprecated -- on this platform there is no other
const lchmod = lchmodSync as typeof chmodSync | undefined;

/** How often to try while other processes create and remove a directory. */
const MAX_ATTEMPTS = 100;

/** Who may enter a directory of this user. */
export interface Access {
  /** The permission bits. */
  readonly mode: number;
  /** The group; `undefined` for the one that the system chooses. */
  readonly gid?: number | undefined;
}

/** Why a directory cannot be used as one of this user. */
class TakenError extends Error {}

/** Access for this user only. */
export const OWN: Access = { mode: 0o700 };

/**
 * A directory held by a file descriptor. On Linux, paths from {@link at} lead through `/proc/self/fd` into this very
 * directory, even if another user gives its name to another directory or a link. They are also short, however long the
 * path of the directory is. Without `/proc`, they are ordinary paths, and {@link removeChild} removes only what no
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

  /** Whether what is created in it can be removed again: see {@link removeChild}. */
  get isSafe(): boolean {
    return this.#leadsTo(this.path);
  }

  /** Whether another user can certainly redirect paths from {@link at}, or replace files in a way that does so. */
  get isOpenToOthers(): boolean {
    if (this.isHeld) return false;
    try {
      assertTrustworthy(this.path);
      return false;
    } catch {
      return true;
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

  /** Removes a subdirectory, unless another file has its name or it is not empty. */
  removeChild(child: Directory): void {
    const name = basename(child.path);
    const stats = fileAt(this.at(name));
    if (stats !== undefined && isFile(stats, child.stats)) this.#removeIfEmpty(name);
  }

  /** Removes a socket if it still is this one, in a directory in which only this user can replace it. */
  unlinkSocket(name: string, socket: FileIdentity): void {
    const stats = fileAt(this.at(name));
    if (stats !== undefined && isFile(stats, socket)) unlinkIfThere(this.at(name));
  }

  /** Whether {@link setSocketAccess} certainly changes no other file. */
  get canSetAccess(): boolean {
    return lchmod !== undefined || !this.isOpenToOthers;
  }

  /** Sets the mode and group of this very socket. Throws if another user replaced it. */
  setSocketAccess(name: string, access: Access, socket: FileIdentity): void {
    const path = this.at(name);
    if (!this.isHeld) {
      if (access.gid !== undefined) lchownSync(path, -1, access.gid);
      (lchmod ?? chmodSync)(path, access.mode);
      return;
    }
    // Through a descriptor, because another user may replace the file by a link.
    const descriptor = openSync(path, O_PATH | constants.O_NOFOLLOW);
    try {
      const stats = fstatSync(descriptor, { bigint: true });
      if (!isFile(stats, socket) || stats.uid !== ownUid()) throw new TakenError(`${path} was replaced`);
      setAccess(`/proc/self/fd/${descriptor}`, access);
    } finally {
      closeSync(descriptor);
    }
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
    if (!this.#leadsTo(dirname(this.path))) throw new TakenError(`${this.path} may have been replaced by another user`);
    // Only the umask of its creator takes these away.
    if ((actualMode & 0o700) !== 0o700) chmodSync(this.at(), 0o700);
    if (mode === 0o700) return;
    if (readdirSync(this.at()).length > 0) {
      // Another process gave it the group and used it in the meantime.
      if (isRetry) throw new TakenError(`${this.path} is not empty`);
      this.#secure({ mode, gid }, true);
      return;
    }
    setAccess(this.at(), { mode, gid });
  }

  /** In a user namespace that does not map this user, directories of other users seem to belong to it. */
  #assertWritable(): void {
    try {
      accessSync(this.at(), constants.W_OK | constants.X_OK);
    } catch (cause) {
      throw new TakenError(`${this.path} is not writable`, { cause });
    }
  }

  /**
   * Whether paths from {@link at} certainly lead into this directory: through its descriptor, or through directories in
   * which no other user can rename anything.
   */
  #leadsTo(directory: string): boolean {
    if (this.isHeld) return true;
    try {
      return assertTrustworthy(directory) === undefined;
    } catch {
      return false;
    }
  }

  #removeIfEmpty(name: string): void {
    if (!this.#leadsTo(this.path)) return;
    try {
      rmdirSync(this.at(name));
    } catch (error) {
      // Another process uses, removed or replaced it.
      if (!['ENOENT', 'ENOTDIR', 'ENOTEMPTY', 'EEXIST'].includes(errnoOf(error) ?? '')) throw error;
    }
  }
}

function ownUid(): bigint {
  return BigInt(process.geteuid?.() ?? -1);
}

/** Sets the mode and group of a file that no other user can replace. */
function setAccess(path: string, { mode, gid }: Access): void {
  if (gid !== undefined) chownSync(path, -1, gid);
  chmodSync(path, mode);
}
