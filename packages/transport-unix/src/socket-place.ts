import { mkdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { quote } from '@rpcplugin/printable';
import { assertSocketPathFits, errnoOf } from '@rpcplugin/transport-base';
import type { Cleanup } from '@rpcplugin/transport-base';
import { TransportError } from '@rpcplugin/transport-core';
import { MadeDirectory, removeIfEmpty } from './made-directory.js';
import { unguessableName } from './names.js';
import type { SocketPlacement } from './options.js';
import { privateDirectory } from './private-directory.js';

/** Returns the absolute path to listen at, after creating its directory if needed; not if the path is too long. */
export async function socketPlace(
  { path, directory }: SocketPlacement,
  gid: number | undefined,
  cleanup: Cleanup,
): Promise<string> {
  if (path === undefined && directory === undefined) {
    const name = socketName();
    return join(await privateDirectory(gid, name.length, cleanup), name);
  }
  const place = path === undefined ? resolve(directory ?? '', socketName()) : resolve(path);
  assertSocketPathFits(place, `unix:${place}`);
  makeParents(place, cleanup);
  return place;
}

/** Like go-plugin, which names its sockets `plugin` and a random number. */
function socketName(): string {
  return `plugin-${unguessableName()}`;
}

/** Creates the missing directories of a path. The last transport to stop using one of them removes it. */
function makeParents(path: string, cleanup: Cleanup): void {
  const parent = dirname(path);
  const topmost = makeDirectories(parent);
  const isNew = (directory: string): boolean => topmost !== undefined && directory.length >= topmost.length;
  const directories = ancestors(parent);
  try {
    // From the root down: a cleanup runs its latest step first.
    for (const directory of directories.toReversed()) {
      (isNew(directory) ? new MadeDirectory(directory) : MadeDirectory.at(directory))?.use(cleanup);
    }
  } catch (error) {
    for (const directory of directories.filter(isNew)) removeIfEmpty(directory);
    throw error;
  }
}

/** A directory and its ancestors, up to the root. */
function ancestors(directory: string): string[] {
  const parent = dirname(directory);
  return parent === directory ? [directory] : [directory, ...ancestors(parent)];
}

/** Creates a directory and its missing ancestors. Returns the topmost directory that it created. */
function makeDirectories(path: string): string | undefined {
  try {
    return mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
    throw new TransportError('NOT_FOUND', `${quote(path)} is not a directory`, { cause: error });
  }
}
