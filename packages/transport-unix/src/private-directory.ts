import { chmodSync, chownSync, mkdtempSync, realpathSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { errnoOf, messageOf, socketPathLimitBytes } from '@rpcplugin/transport-base';
import type { Cleanup } from '@rpcplugin/transport-base';
import { TransportError } from '@rpcplugin/transport-core';
import { HeldDirectory } from './held-directory.js';
import { EMPTY_FOR_MS, sweepLeftovers } from './leftovers.js';
import { MadeDirectory, removeIfEmpty } from './made-directory.js';
import { STAGING_BYTES } from './socket-file.js';

/** `rpcplugin-`, the process ID, and the suffix that mkdtemp(3) adds. */
const NAME = /^rpcplugin-(\d+)-\w{6}$/;

/** The current or last path of this process's private directory, by group. It is made on first use. */
const paths = new Map<number | undefined, string>();

/**
 * Returns the private directory of this process, in which no other user can add, replace or remove a socket: mode 0700,
 * or 0710 and the group if its sockets are for a group. The last transport to clean up removes it.
 *
 * It is in `XDG_RUNTIME_DIR`, which no cleaner sweeps, else in the temp directory, else in `/tmp`: the first where it
 * can be created and where the path of a socket fits.
 *
 * @param nameBytes - The length of the name of a socket in it, in bytes.
 * @throws TransportError `PERMISSION_DENIED` if it cannot be created in any of them. The message says why for each.
 */
export async function privateDirectory(gid: number | undefined, nameBytes: number, cleanup: Cleanup): Promise<string> {
  const present = (): MadeDirectory | undefined => MadeDirectory.at(paths.get(gid) ?? '');
  if (present() === undefined) {
    for (const base of candidates(gid)) await sweepLeftovers(base, isLeftover, EMPTY_FOR_MS);
  }
  // Another listener of this process may have made it in the meantime.
  const directory = present() ?? new MadeDirectory(makeDirectory(gid, nameBytes));
  paths.set(gid, directory.path);
  directory.use(cleanup);
  return directory.path;
}

/** Whether a killed process or a terminated worker thread may have left the directory with this name. */
function isLeftover(name: string): boolean {
  const pid = Number(NAME.exec(name)?.[1]);
  // A worker thread has the process ID of this process.
  return pid === process.pid || (pid > 0 && !isAlive(pid));
}

/**
 * Whether a process is alive: then there is no need to probe its sockets. A process that seems dead may be alive in
 * another container.
 */
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
  throw new TransportError('PERMISSION_DENIED', `cannot create a private directory: ${messageOf(cause)}`, {
    hint: 'Set XDG_RUNTIME_DIR or TMPDIR to a directory that you own, or give path or directory.',
    cause,
  });
}

function candidates(gid: number | undefined): Set<string> {
  const { XDG_RUNTIME_DIR: runtimeDirectory = '' } = process.env;
  // XDG base directory specification: only its owner may enter it, so a group cannot. A relative path is ignored.
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

/** Throws if other users may rename or remove entries of the directory or of its ancestors: they could replace ours. */
function assertTrustworthy(path: string): void {
  let directory = realpathSync(path);
  for (let parent = dirname(directory); ; directory = parent, parent = dirname(parent)) {
    const { mode, uid } = statSync(directory);
    const sticky = (mode & 0o1000) !== 0;
    if ((mode & 0o022) !== 0 && !sticky) throw new Error(`${directory} is writable for others and has no sticky bit`);
    if (uid !== 0 && uid !== process.geteuid?.()) throw new Error(`${directory} belongs to another user`);
    if (parent === directory) return;
  }
}
