import { lstatSync, readlinkSync, unlinkSync } from 'node:fs';
import type { BigIntStats } from 'node:fs';
import { errnoOf } from '@rpcplugin/transport-base';

/** Identifies a file, whatever its name. */
export type FileIdentity = Pick<BigIntStats, 'dev' | 'ino'>;

/** Whether it is the same file. At least one of the two must be held open, or its inode number may be reused. */
export function isFile(one: FileIdentity, other: FileIdentity): boolean {
  return one.dev === other.dev && one.ino === other.ino;
}

/** The file at a path, without following a symbolic link; `undefined` if there is none. */
export function fileAt(path: string): BigIntStats | undefined {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false });
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
