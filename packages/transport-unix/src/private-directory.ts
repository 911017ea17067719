import { chmodSync, chownSync, mkdtempSync, realpathSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { errnoOf, messageOf, socketPathLimitBytes, TransportError } from '@rpcplugin/transport-core';
import { HeldDirectory } from './held-directory.js';
import { EMPTY_FOR_MS, sweepLeftovers } from './leftovers.js';
import { MadeDirectory, removeIfEmpty } from './made-directory.js';
import { STAGING_BYTES } from './socket-file.js';
import type { TidyUp } from './tidy-up.js';

/** `rpcplugin-`, the number of the process, and what mkdtemp(3) adds. */
const NAME = /^rpcplugin-(\d+)-\w{6}$/;

/** Where this process's private directory is, or was last, by group: one is made when it is first needed. */
const paths = new Map<number | undefined, string>();

/**
 * A directory of this process alone, in which nobody else can put, replace or remove a socket: mode 0700, or 0710 and the group
 * when its sockets are for a group. The last of its users to tidy up removes it.
 *
 * It is under `XDG_RUNTIME_DIR`, which no cleaner sweeps, else in the temp directory, else in `/tmp`: the first where it can
 * be made and where the path of a socket fits.
 *
 * @param nameBytes - How long the name of a socket in it will be.
 * @throws TransportError `PERMISSION_DENIED` if there is no place for it, with what was wrong with each.
 */
export async function privateDirectory(gid: number | undefined, nameBytes: number, tidyUp: TidyUp): Promise<string> {
  const present = (): MadeDirectory | undefined => MadeDirectory.at(paths.get(gid) ?? '');
  if (present() === undefined) {
    for (const base of candidates(gid)) await sweepLeftovers(base, isLeftover, EMPTY_FOR_MS);
  }
  // Another listener of this process may have made it meanwhile.
  const directory = present() ?? new MadeDirectory(makeDirectory(gid, nameBytes));
  paths.set(gid, directory.path);
  directory.use(tidyUp);
  return directory.path;
}

/** What processes that were killed left, and worker threads that were terminated. */
function isLeftover(name: string): boolean {
  const pid = Number(NAME.exec(name)?.[1]);
  // A terminated worker's is of this very process.
  return pid === process.pid || (pid > 0 && !isAlive(pid));
}

/** Spares the sockets of living processes the probe. That one seems dead proves nothing: it may be in another container. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errnoOf(error) === 'EPERM';
  }
}

function makeDirectory(gid: number | undefined, nameBytes: number): string {
  const failures: unknown[] = [];
  for (const base of candidates(gid)) {
    try {
      return makeDirectoryIn(base, gid, nameBytes);
    } catch (error) {
      failures.push(error);
    }
  }
  const cause = new AggregateError(failures);
  throw new TransportError('PERMISSION_DENIED', `no place for a private directory: ${messageOf(cause)}`, {
    hint: 'Set XDG_RUNTIME_DIR or TMPDIR to a directory of yours, or give path or directory.',
    cause,
  });
}

function candidates(gid: number | undefined): Set<string> {
  const { XDG_RUNTIME_DIR: runtimeDirectory = '' } = process.env;
  // The XDG base directory specification: only its owner may enter it, so a group can not; and a relative one is ignored.
  const usable = gid === undefined && isAbsolute(runtimeDirectory);
  return new Set([...(usable ? [runtimeDirectory] : []), tmpdir(), '/tmp']);
}

function makeDirectoryIn(base: string, gid: number | undefined, nameBytes: number): string {
  const prefix = join(base, `rpcplugin-${process.pid}-`);
  const within = HeldDirectory.hasShortPaths() ? '/'.length + nameBytes : STAGING_BYTES;
  const length = Buffer.byteLength(prefix) + 'XXXXXX'.length + within;
  if (length > socketPathLimitBytes) throw new Error(`${base} is too long for a socket path`);
  assertTrustworthy(base);
  const path = mkdtempSync(prefix);
  try {
    if (gid !== undefined) {
      chownSync(path, -1, gid);
      chmodSync(path, 0o710);
    }
    return path;
  } catch (error) {
    removeIfEmpty(path);
    throw error;
  }
}

/** Whoever may rename or remove entries of the directory, or of one above it, could put their own in the place of ours. */
function assertTrustworthy(path: string): void {
  let directory = realpathSync(path);
  for (let parent = dirname(directory); ; directory = parent, parent = dirname(parent)) {
    const { mode, uid } = statSync(directory);
    const sticky = (mode & 0o1000) !== 0;
    if ((mode & 0o022) !== 0 && !sticky) throw new Error(`others may write in ${directory}, which has no sticky bit`);
    if (uid !== 0 && uid !== process.geteuid?.()) throw new Error(`${directory} belongs to another user`);
    if (parent === directory) return;
  }
}
