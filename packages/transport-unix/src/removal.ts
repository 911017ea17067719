import { linkSync, renameSync } from 'node:fs';
import type { BigIntStats } from 'node:fs';
import { Cleanup, errnoOf, socketPathLimitBytes } from '@rpcplugin/transport-base';
import type { Directory } from './directory.js';
import { fileAt, isFile, unlinkIfThere } from './files.js';
import type { FileIdentity } from './files.js';
import { ownedName } from './owner.js';
import { appeared, staleSocket } from './stale-socket.js';
import { stagingIfPossible } from './staging.js';

/**
 * Removes a socket that must be held open, as its server holds it, if the file is still this one. It is moved aside
 * first: another process may replace it at any moment. That file gets its name back.
 */
export function removeOwnSocket(directory: Directory, name: string, socket: FileIdentity): void {
  const file = directory.at(name);
  const found = fileAt(file);
  if (found === undefined || !isFile(found, socket)) return;
  if (!directory.isSafe) {
    unlinkIfThere(file);
    return;
  }
  const staging = stagingIfPossible(directory);
  try {
    const aside = moveAside(directory, name, staging);
    const moved = aside === undefined ? undefined : fileAt(aside);
    if (aside === undefined || moved === undefined) return;
    if (isFile(moved, socket)) unlinkIfThere(aside);
    else giveBack(aside, file);
  } finally {
    try {
      if (staging !== undefined) directory.removeChild(staging);
    } finally {
      staging?.close();
    }
  }
}

/**
 * Moves a file into the staging directory, where a later sweep finds it if this process is killed, or else gives it a
 * hidden name. Returns its path; `undefined` if there is no file.
 */
function moveAside(directory: Directory, name: string, staging: Directory | undefined): string | undefined {
  const [staged, hidden] = [staging?.at(ownedName('old')), directory.at(`.rpcplugin-${ownedName('old')}`)];
  try {
    if (staged !== undefined) {
      renameSync(directory.at(name), staged);
      return staged;
    }
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    // Files cannot be moved to another directory here.
  }
  renameSync(directory.at(name), hidden);
  return hidden;
}

/**
 * Removes a stale socket. It is moved aside first, where no other process can replace it, and looked at again: a
 * process without the lock, such as in another container, may have published its socket meanwhile. That one gets its
 * name back.
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
    renameSync(file, aside);
    // Without `/proc`, the path may be too long to connect to.
    const canProbe = Buffer.byteLength(aside) <= socketPathLimitBytes;
    const moved = canProbe ? await staleSocket(path, aside, false) : fileAt(aside);
    if (moved !== undefined && isFile(moved, stale)) unlinkIfThere(aside);
  } finally {
    await cleanup.run();
  }
}

/** Gives a file its name back, unless it was removed. If the name is taken, the file stays where it is. */
function giveBack(aside: string, file: string): void {
  const stats = fileAt(aside);
  if (stats === undefined) return;
  // Neither replaces a file, apart from an empty directory.
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
