import { basename, dirname } from 'node:path';
import { quote } from '@rpcplugin/printable';
import { errnoOf } from '@rpcplugin/transport-base';
import { TransportError } from '@rpcplugin/transport-core';
import type { Access } from './access.js';
import { Directory } from './directory.js';
import { withPaths } from './files.js';
import { joinDirectory, shareDirectory } from './shared-directory.js';
import type { UsedDirectory } from './shared-directory.js';

/**
 * Opens a directory, following symbolic links, and creates it and its parents if they are missing. Those that this
 * thread created are removed when the last listener of the thread stops using them, if they are empty.
 *
 * Not `mkdirSync` with `recursive`: it never returns below `/proc/<missing>`, and another user could redirect it.
 *
 * @param access - For those that are created.
 * @throws TransportError `NOT_FOUND` if part of the path is not a directory.
 */
export function openWithParents(path: string, access: Access): UsedDirectory {
  const joined = joinDirectory(path);
  if (joined !== undefined) return joined;
  try {
    return open(path);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
  const parent = openWithParents(dirname(path), access);
  try {
    const directory = parent.directory.create(basename(path), access);
    return shareDirectory(path, directory, () => {
      try {
        parent.directory.release(directory);
      } finally {
        parent.release();
      }
    });
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
