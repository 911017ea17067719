import { basename, dirname } from 'node:path';
import { quote } from '@rpcplugin/printable';
import { errnoOf } from '@rpcplugin/transport-base';
import { TransportError } from '@rpcplugin/transport-core';
import { Directory } from './directory.js';
import type { Access } from './directory.js';
import { fileAt, isFile, withPaths } from './files.js';

/** A directory in use. */
export interface UsedDirectory {
  readonly directory: Directory;
  /** Stops using it. The last listener to do so removes it, if this thread created it and it is empty. */
  readonly release: () => void;
}

/** The directories that this thread created and uses, by path. */
const created = new Map<string, UsedDirectory & { users: number }>();

/**
 * Opens a directory, following symbolic links, and creates it and its parents if they are missing.
 *
 * Not `mkdirSync` with `recursive`: it never returns below `/proc/<missing>`, and another user could redirect it.
 *
 * @param access - For those that are created.
 * @throws TransportError `NOT_FOUND` if part of the path is not a directory.
 */
export function openWithParents(path: string, access: Access): UsedDirectory {
  const known = created.get(path);
  if (known !== undefined && isStillAt(path, known.directory)) {
    known.users++;
    return known;
  }
  try {
    return open(path);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT' || dirname(path) === path) throw error;
  }
  const parent = openWithParents(dirname(path), access);
  try {
    return create(path, parent, access);
  } catch (error) {
    const named = withPaths(error);
    parent.release();
    if (errnoOf(error) !== 'EEXIST') throw named;
    return open(path);
  }
}

function open(path: string): UsedDirectory {
  try {
    const directory = Directory.open(path);
    return {
      directory,
      release: () => {
        directory.close();
      },
    };
  } catch (cause) {
    if (errnoOf(cause) !== 'ENOTDIR') throw cause;
    throw new TransportError('NOT_FOUND', `${quote(path)} is not a directory`, { cause });
  }
}

function create(path: string, parent: UsedDirectory, access: Access): UsedDirectory {
  const directory = parent.directory.create(basename(path), access);
  const used = {
    directory,
    users: 1,
    release: () => {
      if (--used.users > 0) return;
      if (created.get(path) === used) created.delete(path);
      try {
        parent.directory.removeChild(directory);
      } finally {
        directory.close();
        parent.release();
      }
    },
  };
  created.set(path, used);
  return used;
}

/** Whether a cleaner or another user did not remove or replace it. */
function isStillAt(path: string, directory: Directory): boolean {
  const stats = fileAt(path);
  return stats !== undefined && isFile(stats, directory.stats);
}
