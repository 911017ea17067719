import { rmdirSync } from 'node:fs';
import { chmod, chown, mkdtemp, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { socketPathLimitBytes, TransportError } from '@rpcplugin/transport-core';
import type { TidyUp } from './tidy-up.js';

interface PrivateDirectory {
  users: number;
  readonly made: Promise<string>;
  /** Known once it is made. */
  path: string | undefined;
}

/** This process's private directories by group: one is made when it is first needed, and kept until nobody needs it. */
const directories = new Map<number | undefined, PrivateDirectory>();

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
  const directory = directories.get(gid) ?? { users: 0, made: makeDirectory(gid, nameBytes), path: undefined };
  directories.set(gid, directory);
  directory.users++;
  tidyUp.defer(() => {
    if (--directory.users > 0) return;
    directories.delete(gid);
    if (directory.path !== undefined) rmdirSync(directory.path);
  });
  directory.path = await directory.made;
  return directory.path;
}

async function makeDirectory(gid: number | undefined, nameBytes: number): Promise<string> {
  const failures: unknown[] = [];
  for (const base of candidates(gid)) {
    try {
      return await makeDirectoryIn(base, gid, nameBytes);
    } catch (error) {
      failures.push(error);
    }
  }
  const reasons = failures.map((error) => (error instanceof Error ? error.message : String(error)));
  throw new TransportError('PERMISSION_DENIED', `no place for a private directory: ${reasons.join('; ')}`, {
    hint: 'Set XDG_RUNTIME_DIR or TMPDIR to a directory that is yours, or give the path or directory option.',
    cause: new AggregateError(failures),
  });
}

function candidates(gid: number | undefined): Set<string> {
  const { XDG_RUNTIME_DIR: runtimeDirectory = '' } = process.env;
  // The XDG base directory specification: only its owner may enter it, so a group can not; and a relative one is ignored.
  const usable = gid === undefined && isAbsolute(runtimeDirectory);
  return new Set([...(usable ? [runtimeDirectory] : []), tmpdir(), '/tmp']);
}

async function makeDirectoryIn(base: string, gid: number | undefined, nameBytes: number): Promise<string> {
  const prefix = join(base, 'rpcplugin-');
  const length = Buffer.byteLength(prefix) + 'XXXXXX/'.length + nameBytes;
  if (length > socketPathLimitBytes) throw new Error(`${base} is too long for a socket path`);
  await assertTrustworthy(base);
  const path = await mkdtemp(prefix);
  try {
    if (gid !== undefined) {
      await chown(path, -1, gid);
      await chmod(path, 0o710);
    }
    return path;
  } catch (error) {
    rmdirSync(path);
    throw error;
  }
}

/** Whoever may rename or remove entries of the directory could put their own in the place of ours. */
async function assertTrustworthy(directory: string): Promise<void> {
  const { mode, uid } = await stat(directory);
  const sticky = (mode & 0o1000) !== 0;
  if ((mode & 0o022) !== 0 && !sticky) throw new Error(`others may write in ${directory}, which has no sticky bit`);
  if (uid !== 0 && uid !== process.getuid?.()) throw new Error(`${directory} belongs to another user`);
}
