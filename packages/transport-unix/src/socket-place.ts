import { randomBytes } from 'node:crypto';
import { mkdirSync, rmdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { assertSocketPathFits, errnoOf, listenHints, TransportError } from '@rpcplugin/transport-core';
import { HeldDirectory } from './held-directory.js';
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
    const name = unguessableName();
    return join(await privateDirectory(gid, name.length, tidyUp), name);
  }
  const place = path === undefined ? resolve(directory ?? '', unguessableName()) : resolve(path);
  assertSocketPathFits(place);
  makeParents(place, tidyUp);
  return place;
}

/** 72 random bits. go-plugin names its sockets `plugin` and a random number. */
function unguessableName(): string {
  return `plugin-${randomBytes(9).toString('base64url')}`;
}

/** Makes what is missing of the directories that a path is in. What is empty of that is removed again. */
function makeParents(path: string, tidyUp: TidyUp): void {
  const parent = dirname(path);
  const topmost = makeDirectories(parent);
  if (topmost === undefined) return;
  const all = ancestors(parent, topmost);
  // From the topmost down, as what was deferred last is run first.
  for (const made of all.toReversed()) {
    const directory = holdOrRemove(made, all);
    tidyUp.defer(() => {
      const isThere = directory.isAt(made);
      directory.close();
      if (isThere) removeIfEmpty(made);
    });
  }
}

/** Holds a directory that was just made; or removes all that were made with it, if there is no descriptor left say. */
function holdOrRemove(directory: string, all: readonly string[]): HeldDirectory {
  try {
    return HeldDirectory.open(directory);
  } catch (error) {
    for (const made of all) removeIfEmpty(made);
    throw error;
  }
}

/** A directory and those that it is in, as far up as one of them. */
function ancestors(directory: string, topmost: string): string[] {
  return directory.length <= topmost.length ? [directory] : [directory, ...ancestors(dirname(directory), topmost)];
}

/** Makes what is missing of a directory and its parents, and returns the topmost that it made. */
function makeDirectories(path: string): string | undefined {
  try {
    return mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
    throw new TransportError('NOT_FOUND', `${JSON.stringify(path)} is not a directory`, {
      endpoint: path,
      hint: listenHints.NOT_FOUND,
      cause: error,
    });
  }
}

function removeIfEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch (error) {
    if (errnoOf(error) !== 'ENOTEMPTY' && errnoOf(error) !== 'ENOENT') throw error;
  }
}
