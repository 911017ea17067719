import { mkdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { assertSocketPathFits, errnoOf, listenHints, quote, TransportError } from '@rpcplugin/transport-core';
import { MadeDirectory, removeIfEmpty } from './made-directory.js';
import { unguessableName } from './names.js';
import type { SocketPlacement } from './options.js';
import { privateDirectory } from './private-directory.js';
import type { TidyUp } from './tidy-up.js';

/** The absolute path to listen at, its directory made if need be. Nothing is made if the path is too long. */
export async function socketPlace(
  { path, directory }: SocketPlacement,
  gid: number | undefined,
  tidyUp: TidyUp,
): Promise<string> {
  if (path === undefined && directory === undefined) {
    const name = socketName();
    return join(await privateDirectory(gid, name.length, tidyUp), name);
  }
  const place = path === undefined ? resolve(directory ?? '', socketName()) : resolve(path);
  assertSocketPathFits(place);
  makeParents(place, tidyUp);
  return place;
}

/** go-plugin names its sockets `plugin` and a random number. */
function socketName(): string {
  return `plugin-${unguessableName()}`;
}

/** Makes what is missing of the directories that a path is in. The last who uses one of those removes it. */
function makeParents(path: string, tidyUp: TidyUp): void {
  const parent = dirname(path);
  const topmost = makeDirectories(parent);
  const isNew = (directory: string): boolean => topmost !== undefined && directory.length >= topmost.length;
  const directories = ancestors(parent);
  try {
    // From the root down, as what was deferred last is run first.
    for (const directory of directories.toReversed()) {
      (isNew(directory) ? new MadeDirectory(directory) : MadeDirectory.at(directory))?.use(tidyUp);
    }
  } catch (error) {
    for (const directory of directories.filter(isNew)) removeIfEmpty(directory);
    throw error;
  }
}

/** A directory and those that it is in, up to the root. */
function ancestors(directory: string): string[] {
  const parent = dirname(directory);
  return parent === directory ? [directory] : [directory, ...ancestors(parent)];
}

/** Makes what is missing of a directory and its parents, and returns the topmost that it made. */
function makeDirectories(path: string): string | undefined {
  try {
    return mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
    throw new TransportError('NOT_FOUND', `${quote(path)} is not a directory`, {
      endpoint: path,
      hint: listenHints.NOT_FOUND,
      cause: error,
    });
  }
}
