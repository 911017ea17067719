import { accessSync, constants, lstatSync, readlinkSync, statSync } from 'node:fs';
import type { BigIntStats } from 'node:fs';
import { dirname } from 'node:path';
import { errnoOf } from '@rpcplugin/transport-base';
import { groupName, userName } from '../account-names.js';

type FileKind =
  'socket' | 'regular file' | 'directory' | 'symbolic link' | 'named pipe' | 'character device' | 'block device';

/** A file as `ls -l` shows it. */
export interface SocketFile {
  readonly kind: FileKind;
  /** The permission bits, such as `0660`. */
  readonly mode: string;
  readonly owner: string;
  readonly group: string;
  /** Where a symbolic link leads to. The other fields are those of the file there, if it exists. */
  readonly linkTarget?: string;
}

/** What lstat(2) and stat(2) say about a path. */
export interface Look {
  readonly file?: SocketFile;
  readonly stats?: BigIntStats;
  /** The system error of what cannot be looked at, such as `ENOENT`. */
  readonly errno?: string;
}

/** Looks at a file, and at what a symbolic link leads to. */
export function lookAt(path: string): Look {
  let stats: BigIntStats;
  let linkTarget: string | undefined;
  try {
    // Numbers instead of bigints would disturb Node's module loader after a socket (nodejs/node#51142).
    stats = lstatSync(path, { bigint: true });
    if (stats.isSymbolicLink()) linkTarget = readlinkSync(path);
  } catch (error) {
    return { errno: errnoOf(error) ?? 'EIO' };
  }
  if (linkTarget === undefined) return { file: describe(stats), stats };
  try {
    const target = statSync(path, { bigint: true });
    return { file: { ...describe(target), linkTarget }, stats: target };
  } catch (error) {
    return { file: { ...describe(stats), linkTarget }, errno: errnoOf(error) ?? 'EIO' };
  }
}

function describe(stats: BigIntStats): SocketFile {
  return {
    kind: kindOf(stats),
    mode: Number(stats.mode & 0o7777n)
      .toString(8)
      .padStart(4, '0'),
    owner: userName(Number(stats.uid)),
    group: groupName(Number(stats.gid)),
  };
}

function kindOf(stats: BigIntStats): FileKind {
  if (stats.isSocket()) return 'socket';
  if (stats.isFile()) return 'regular file';
  if (stats.isDirectory()) return 'directory';
  if (stats.isSymbolicLink()) return 'symbolic link';
  if (stats.isFIFO()) return 'named pipe';
  return stats.isCharacterDevice() ? 'character device' : 'block device';
}

/** A file as a person reads it. */
export function fileText({ kind, mode, owner, group, linkTarget }: SocketFile): string {
  const text = `${kind}, mode ${mode}, owner ${owner}, group ${group}`;
  return linkTarget === undefined ? text : `${text}, by a symbolic link to ${linkTarget}`;
}

/** The first directory above a path that does not exist; `undefined` if all do. */
export function missingDirectory(path: string): string | undefined {
  const parent = dirname(path);
  if (parent === path) return undefined;
  return missingDirectory(parent) ?? (lookAt(parent).errno === 'ENOENT' ? parent : undefined);
}

/** The first directory above a path that this user may not enter; `undefined` if it may enter all. */
export function closedDirectory(path: string): string | undefined {
  const parent = dirname(path);
  if (parent === path) return undefined;
  return closedDirectory(parent) ?? (mayEnter(parent) ? undefined : parent);
}

function mayEnter(directory: string): boolean {
  try {
    accessSync(directory, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
