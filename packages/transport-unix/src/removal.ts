import { linkSync, renameSync } from 'node:fs';
import type { BigIntStats } from 'node:fs';
import { Cleanup, errnoOf, socketPathLimitBytes } from '@rpcplugin/transport-base';
import type { Directory } from './directory.js';
import { fileAt, isFile, unlinkIfThere } from './files.js';
import type { FileIdentity } from './files.js';
import { unguessableName } from './names.js';
import { ownedName } from './owner.js';
import { appeared, staleSocket } from './stale-socket.js';
import { openStaging, StagingError } from './staging.js';

/** A name to move a file aside to, in the directory itself. */
export function asideName(): string {
  return `.rpcplugin-${unguessableName()}`;
}

/**
 * Removes a socket that must be held open, as its server holds it, if the file is still this one. It is moved aside first:
 * another process may replace it at any moment. That file gets its name back.
 */
export function removeSocket(directory: Directory, name: string, socket: FileIdentity): void {
  const found = fileAt(directory.at(name));
  if (found === undefined || !isFile(found, socket)) return;
  const staging = stagingIfPossible(directory);
  try {
    const aside = moveAside(directory, name, staging);
    const moved = fileAt(aside);
    if (moved !== undefined && isFile(moved, socket)) unlinkIfThere(aside);
    else giveBack(aside, directory.at(name));
  } finally {
    if (staging !== undefined) directory.removeChild(staging);
    staging?.close();
  }
}

function stagingIfPossible(directory: Directory): Directory | undefined {
  try {
    return openStaging(directory);
  } catch {
    return undefined;
  }
}

/** Into the staging directory, where a later sweep finds the file if this process is killed, or else beside the file. */
function moveAside(directory: Directory, name: string, staging: Directory | undefined): string {
  const aside = staging?.at(ownedName('old'));
  try {
    if (aside !== undefined) {
      move(directory.at(name), aside);
      return aside;
    }
  } catch {
    // Moving a file to another directory is not possible here.
  }
  const beside = directory.at(asideName());
  move(directory.at(name), beside);
  return beside;
}

/**
 * Removes a stale socket. It is moved aside first, where no other process can replace it, and looked at again: a process
 * without the lock, such as in another container, may have published its socket meanwhile. That one gets its name back.
 */
export async function removeStale(path: string, file: string, aside: string, stale: BigIntStats): Promise<void> {
  const found = fileAt(file);
  if (found === undefined) return;
  if (!isFile(found, stale) || found.ctimeNs !== stale.ctimeNs) throw appeared(path);
  const cleanup = new Cleanup();
  cleanup.defer(() => {
    giveBack(aside, file);
  });
  try {
    move(file, aside);
    // Without `/proc`, the path may be too long to connect to.
    const canProbe = Buffer.byteLength(aside) <= socketPathLimitBytes;
    const moved = canProbe ? await staleSocket(path, aside, false) : fileAt(aside);
    if (moved !== undefined && isFile(moved, stale)) unlinkIfThere(aside);
  } finally {
    await cleanup.run();
  }
}

function move(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw new StagingError(error);
  }
}

/** Gives a file its name back, unless it was removed. If the name is taken, the file stays where it is. */
function giveBack(aside: string, file: string): void {
  const stats = fileAt(aside);
  if (stats === undefined) return;
  // Neither replaces a file.
  if (stats.isDirectory()) renameSync(aside, file);
  else if (linkIfPossible(aside, file)) unlinkIfThere(aside);
  else if (fileAt(file) === undefined) renameSync(aside, file);
}

/** Returns false where links are not possible. Throws if the name is taken. */
function linkIfPossible(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') throw error;
    return false;
  }
}
