import { linkSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '@rpcplugin/transport-base';
import type { Directory } from './directory.js';
import { fileAt, holdFile, isFile, unlinkIfThere } from './files.js';
import type { FileIdentity } from './files.js';
import { ownedName } from './owner.js';
import { assertStale, inTheWay } from './stale-socket.js';
import { stagingIfPossible } from './staging.js';

/** Removes a socket if the file is still this one. It must be held open, as its server holds it. */
export function removeOwnSocket(directory: Directory, name: string, socket: FileIdentity): void {
  if (directory.canBeRedirected() !== 'no') {
    directory.unlinkSocket(name, socket);
    return;
  }
  const staging = stagingIfPossible(directory);
  try {
    removeIfSame(directory, name, socket, staging);
  } finally {
    if (staging !== undefined) directory.release(staging);
  }
}

/**
 * Removes a stale socket, if there is one.
 *
 * @throws TransportError `ADDRESS_IN_USE` or another code of {@link assertStale} for any other file, which stays.
 */
export async function removeStale(directory: Directory, name: string, staging: Directory | undefined): Promise<void> {
  const file = directory.at(name);
  const stale = holdFile(file);
  if (stale === undefined) return;
  try {
    const path = join(directory.path, name);
    // Probes this very file, even if another one has its name for a moment.
    await assertStale(stale.stats, path, directory.isHeld ? stale.path : file);
    if (directory.canBeRedirected() === 'yes') {
      throw inTheWay(path, 'ADDRESS_IN_USE', 'a stale socket that cannot be removed safely exists');
    }
    removeIfSame(directory, name, stale.stats, staging);
  } finally {
    stale.close();
  }
}

/**
 * Removes a file, which must be held open, if it still has its name. Another process may replace it at any moment, so
 * it is moved aside before the last look at it. Another file gets its name back.
 */
function removeIfSame(directory: Directory, name: string, held: FileIdentity, staging: Directory | undefined): void {
  const file = directory.at(name);
  const found = fileAt(file);
  if (found === undefined || !isFile(found, held)) return;
  const aside = moveAside(directory, name, staging);
  const moved = aside === undefined ? undefined : fileAt(aside);
  if (aside === undefined || moved === undefined) return;
  if (isFile(moved, held)) unlinkIfThere(aside);
  else giveBack(aside, file);
}

/**
 * Moves a file into the staging directory, where a later sweep finds it if this process is killed, or else gives it a
 * hidden name. Returns its path; `undefined` if there is no file.
 */
function moveAside(directory: Directory, name: string, staging: Directory | undefined): string | undefined {
  const file = directory.at(name);
  const aside = ownedName('old');
  if (staging !== undefined) {
    try {
      renameSync(file, staging.at(aside));
      return staging.at(aside);
    } catch {
      // Files cannot be moved to another directory here, or another process has removed the empty staging directory.
    }
  }
  const hidden = directory.at(`.rpcplugin-${aside}`);
  try {
    renameSync(file, hidden);
    return hidden;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Gives a file its name back. Throws if the name is taken: then the file stays where it is. */
function giveBack(aside: string, file: string): void {
  try {
    linkSync(aside, file);
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') throw error;
    // Links are not possible here, or it is a directory.
    if (fileAt(file) === undefined) renameSync(aside, file);
    return;
  }
  unlinkIfThere(aside);
}
