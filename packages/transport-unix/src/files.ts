import { closeSync, constants, fstatSync, lstatSync, openSync, readlinkSync, unlinkSync } from 'node:fs';
import type { BigIntStats } from 'node:fs';
import { errnoOf } from '@rpcplugin/transport-base';

/** A descriptor that only names a file and needs no permission to read it: open(2). Node has no constant for it. */
export const O_PATH = process.platform === 'linux' ? 0o10_000_000 : 0;

/** Identifies a file, whatever its name. */
export type FileIdentity = Pick<BigIntStats, 'dev' | 'ino'>;

/** Whether it is the same file. One of the two must be held open, or its inode number may have been reused. */
export function isFile(one: FileIdentity, other: FileIdentity): boolean {
  return one.dev === other.dev && one.ino === other.ino;
}

/** The file at a path, without following a symbolic link; `undefined` if there is none. */
export function fileAt(path: string): BigIntStats | undefined {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false });
}

/** A file held by a descriptor, so that no other file can get its inode number. Not held on macOS. */
export interface HeldFile {
  readonly stats: BigIntStats;
  /** A path of this very file, with `/proc`. */
  readonly path: string;
  readonly close: () => void;
}

/** Holds the file at a path, without following a symbolic link; `undefined` if there is none. */
export function holdFile(path: string): HeldFile | undefined {
  const found = fileAt(path);
  // macOS cannot open a socket.
  if (found === undefined || O_PATH === 0) return found && { stats: found, path, close: () => undefined };
  const descriptor = openSync(path, O_PATH | constants.O_NOFOLLOW);
  const close = (): void => {
    closeSync(descriptor);
  };
  try {
    return { stats: fstatSync(descriptor, { bigint: true }), path: `/proc/self/fd/${descriptor}`, close };
  } catch (error) {
    close();
    throw error;
  }
}

/** Removes a file, if it still exists. */
export function unlinkIfThere(path: string): void {
  try {
    // Not `rmSync`: after its stat of a socket with numbers, `require` and `import` fail on symbolic links
    // (nodejs/node#51142).
    unlinkSync(path);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}

/**
 * Makes the message of a system error name directories by their paths, not through the descriptors of this process.
 * Call it before they are closed.
 */
export function withPaths(error: unknown): unknown {
  if (error instanceof Error && errnoOf(error) !== undefined) {
    error.message = error.message.replace(/\/proc\/self\/fd\/\d+/g, linkTarget);
  }
  return error;
}

function linkTarget(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return path;
  }
}
