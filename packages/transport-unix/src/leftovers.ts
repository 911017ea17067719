// The entry `@rpcplugin/transport-unix/leftovers`: what a sweep does, for a person who asks.
import { readdirSync } from 'node:fs';
import type { Dirent } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { absoluteSocketPath, messageOf, toTransportError, typeOption } from '@rpcplugin/transport-base';
import { TransportError } from '@rpcplugin/transport-core';
import { ownUid } from './access.js';
import { Directory } from './directory.js';
import { fileAt, withPaths } from './files.js';
import { hasOwner, ownerPid } from './owner.js';
import { lockHolder } from './path-lock.js';
import { usualPlaces } from './private-directory.js';
import { removal, sweepEntry } from './sweep-entry.js';
import type { Disposal, Verdict } from './sweep-entry.js';

/** A file or directory that transports and hosts create and remove, and which may have been left. */
export interface Leftover {
  /** The absolute path. It can contain any character that a file name can. */
  readonly path: string;
  /** What it is: a socket or a beacon, the lock of a path, or a private, staging or host's directory. */
  readonly kind: 'socket' | 'lock' | 'directory';
  /**
   * Whether the thread or process that created it is known to be `gone` or `alive`. `unknown` is what belongs to
   * another user, container, boot or machine. An empty directory, which nobody uses, counts as `gone`.
   */
  readonly owner: 'gone' | 'alive' | 'unknown';
  /** The process ID of its owner, if its name tells one of this machine. */
  readonly pid?: number | undefined;
  /** Why the owner counts as such, as a clause for people. */
  readonly reason: string;
  /** Whether it was removed. */
  readonly isRemoved: boolean;
}

/** Private and staging directories of any user, also if their usual name was taken. */
const DIRECTORY = /^\.?rpcplugin-\d+(-\d+)?(-[\w-]{12})?$/;

/**
 * Lists the sockets, locks and directories of transports and hosts, with what is known of their owners. It changes
 * nothing. Like housekeeping, it may connect to a socket if nothing else shows whether its owner is alive.
 *
 * @param directory - The directory of a socket, a private directory, or one that has private directories in it. By
 *   default the places of private directories: `XDG_RUNTIME_DIR`, the temp directory and `/tmp`.
 * @throws TransportError `NOT_FOUND` or `PERMISSION_DENIED` if the directory cannot be read, `INVALID_ARGUMENT` if it
 *   is not a string, and `UNSUPPORTED` on Windows.
 */
export function findLeftovers(directory?: string): Promise<Leftover[]> {
  return survey(directory, false);
}

/**
 * Removes what {@link findLeftovers} lists as `gone`, by the rules of the housekeeping that follows each `listen`, and
 * returns the same list. All else stays.
 *
 * @param directory - As for {@link findLeftovers}.
 * @throws TransportError as {@link findLeftovers} does. What cannot be removed does not throw: it is in the list, with
 *   the reason.
 */
export function removeLeftovers(directory?: string): Promise<Leftover[]> {
  return survey(directory, true);
}

async function survey(directory: string | undefined, removes: boolean): Promise<Leftover[]> {
  if (process.platform === 'win32') {
    throw new TransportError('UNSUPPORTED', 'Windows has no unix sockets with permissions', {
      hint: 'There are no leftovers of them.',
    });
  }
  typeOption('directory', directory, 'string');
  const found = new Survey(removes);
  if (directory === undefined) {
    for (const place of usualPlaces(undefined)) {
      // Those that do not exist, or cannot be read, have no private directory of this user.
      await found.lookAround(place).catch(() => undefined);
    }
    return found.leftovers();
  }
  const path = absoluteSocketPath(directory);
  try {
    await found.lookIn(path);
  } catch (error) {
    throw toTransportError(error, `list ${path}`, path, {
      NOT_FOUND: 'Give a directory that exists.',
      PERMISSION_DENIED: 'This user may not list it. Run as its owner.',
    });
  }
  return found.leftovers();
}

const REASONS = { gone: 'its process has ended', alive: 'its process runs', unknown: 'its owner is not known here' };

class Survey {
  readonly #removes: boolean;
  readonly #found = new Map<string, Leftover>();

  constructor(removes: boolean) {
    this.#removes = removes;
  }

  leftovers(): Leftover[] {
    return [...this.#found.values()];
  }

  readonly #disposal: Disposal = {
    unlink: (directory, name) => {
      this.#note(directory, name, 'socket', 'gone');
      if (!this.#removes) return true;
      removal.unlink(directory, name);
      this.#noteRemoved(directory, name);
      return true;
    },
    breakLock: async (directory, name) => {
      this.#note(directory, name, 'lock', 'gone');
      if (!this.#removes) return;
      await removal.breakLock(directory, name);
      if (isMissing(directory, name)) this.#noteRemoved(directory, name);
    },
    release: (parent, directory, isEmptied) => {
      const name = basename(directory.path);
      if (!this.#removes) directory.close();
      // Otherwise, another process has begun to use it.
      const isGone = this.#removes ? removal.release(parent, directory, isEmptied) : isEmptied;
      if (isGone) this.#note(parent, name, 'directory', 'gone', 'nothing uses it');
      if (isGone && this.#removes) this.#noteRemoved(parent, name);
      return isGone;
    },
  };

  /** Looks into the private and staging directories in a directory. */
  async lookAround(path: string): Promise<void> {
    const parent = Directory.open(path);
    try {
      for (const { name } of this.#entries(parent)) {
        if (DIRECTORY.test(name)) await this.#sweepIfThere(parent, name);
      }
    } finally {
      parent.close();
    }
  }

  /** Looks into a directory that a person named. Only files that name their owner are ours there. */
  async lookIn(path: string): Promise<void> {
    if (DIRECTORY.test(basename(path))) {
      const parent = Directory.open(dirname(path));
      try {
        if (fileAt(parent.at(basename(path)))?.isDirectory() === true) {
          await this.#sweepIfThere(parent, basename(path));
          return;
        }
      } finally {
        parent.close();
      }
    }
    await this.lookAround(path);
    const directory = Directory.open(path);
    try {
      if (exposure(directory) !== undefined) return;
      for (const entry of this.#entries(directory)) {
        if (hasOwner(entry.name) && !entry.isSymbolicLink()) await this.#visit(directory, entry);
      }
    } finally {
      directory.close();
    }
  }

  #entries(directory: Directory): Dirent[] {
    return readdirSync(directory.at(), { withFileTypes: true });
  }

  async #sweepIfThere(parent: Directory, name: string): Promise<void> {
    try {
      await this.#sweep(parent, name);
    } catch (error) {
      // The processes that use it may remove it at any moment. Whatever failed, it is gone then.
      if (isMissing(parent, name)) return;
      this.#note(parent, name, 'directory', 'unknown', messageOf(withPaths(error)));
    }
  }

  /** Sweeps a private or staging directory, and disposes of it if nothing uses it. */
  async #sweep(parent: Directory, name: string): Promise<void> {
    if (fileAt(parent.at(name))?.isDirectory() !== true) return;
    const directory = parent.openChild(name);
    const reason = exposure(directory);
    if (reason !== undefined) {
      directory.close();
      this.#note(parent, name, 'directory', 'unknown', reason);
      return;
    }
    let isEmptied = false;
    try {
      for (const entry of this.#entries(directory)) {
        if (DIRECTORY.test(entry.name)) await this.#sweepIfThere(directory, entry.name);
        else await this.#visit(directory, entry);
      }
      isEmptied = this.#entries(directory).every((entry) => this.#isGone(directory, entry.name));
    } catch (error) {
      throw withPaths(error);
    } finally {
      this.#disposal.release(parent, directory, isEmptied);
    }
  }

  async #visit(directory: Directory, entry: Dirent): Promise<void> {
    const { name } = entry;
    // Whatever its name says, such a file is not ours.
    if (!entry.isSocket() && !entry.isDirectory() && !entry.isSymbolicLink()) return;
    let verdict: Verdict;
    try {
      verdict = await sweepEntry(directory, entry, this.#disposal);
    } catch (error) {
      if (isMissing(directory, name)) return;
      this.#note(directory, name, kindOf(entry), 'gone', messageOf(withPaths(error)));
      return;
    }
    if (verdict === 'alive' || verdict === 'unknown') this.#note(directory, name, kindOf(entry), verdict);
    // The directory of a host, unless it was disposed of.
    else if (verdict === 'gone' && entry.isDirectory() && !this.#isGone(directory, name)) {
      this.#note(directory, name, 'directory', 'alive', 'its host has ended, but it has other files in it');
    }
  }

  #noteRemoved(directory: Directory, name: string): void {
    const path = join(directory.path, name);
    const leftover = this.#found.get(path);
    if (leftover !== undefined) this.#found.set(path, { ...leftover, isRemoved: true });
  }

  /** Whether an entry is gone, or would be. */
  #isGone(directory: Directory, name: string): boolean {
    return this.#found.get(join(directory.path, name))?.owner === 'gone' || isMissing(directory, name);
  }

  #note(
    directory: Directory,
    name: string,
    kind: Leftover['kind'],
    owner: Leftover['owner'],
    reason = REASONS[owner],
  ): void {
    const path = join(directory.path, name);
    const pid = ownerPid(kind === 'lock' ? (lockHolder(directory.at(name)) ?? '') : name);
    this.#found.set(path, { path, kind, owner, pid, reason, isRemoved: false });
  }
}

/** Whether an entry certainly does not exist. */
function isMissing(directory: Directory, name: string): boolean {
  try {
    return fileAt(directory.at(name)) === undefined;
  } catch {
    return false;
  }
}

/** Why others may have put files into a directory; `undefined` if only this user can have. */
function exposure(directory: Directory): string | undefined {
  if (directory.stats.uid !== ownUid()) return 'it belongs to another user';
  if ((directory.stats.mode & 0o022n) !== 0n) return 'other users can write to it';
  return directory.canBeRedirected() === 'no' ? undefined : 'other users may be able to replace it';
}

function kindOf(entry: Dirent): Leftover['kind'] {
  if (entry.isSymbolicLink()) return 'lock';
  return entry.isDirectory() ? 'directory' : 'socket';
}
