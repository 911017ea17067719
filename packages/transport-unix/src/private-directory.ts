import { realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import { isValidUnixEndpoint } from '@rpcplugin/endpoint-utils';
import { errorCodeOf, messageOf, socketPathLimitBytes } from '@rpcplugin/transport-base';
import { TransportError } from '@rpcplugin/transport-core';
import { OWN, ownUid } from './access.js';
import type { Access } from './access.js';
import { Directory } from './directory.js';
import { joinDirectory, shareDirectory } from './shared-directory.js';
import type { UsedDirectory } from './shared-directory.js';
import { removeLeftover, startSweep, warnOfUnknown } from './sweep.js';
import { assertTrustworthy } from './trust.js';

type Warn = (what: string) => void;

/**
 * Opens the directory of this user for sockets, in which no other user can add, replace or remove a file, and creates
 * it if needed: `rpcplugin-<uid>` with mode 0700, or `rpcplugin-<uid>-<gid>` with mode 0710 and the group, whose
 * members can then connect. The processes of the user share it.
 *
 * It is in `base`, or by default in `XDG_RUNTIME_DIR`, which no cleaner sweeps, else in the temp directory, else in
 * `/tmp`: the first where it can be created and where the path of a socket fits.
 *
 * The last process to stop using it removes it.
 *
 * @param nameBytes - The length of the name of a socket in it, in bytes.
 * @param warn - Called if other users may be able to replace the directory, as in a container without root, and if
 *   files are left in it because nobody can know whether they are in use.
 * @throws TransportError `PERMISSION_DENIED` if it cannot be created in any of them, or `RESOURCE_EXHAUSTED`. The
 *   message says why for each.
 */
export function openPrivateDirectory(
  gid: number | undefined,
  nameBytes: number,
  warn: Warn,
  base?: string,
): UsedDirectory {
  const failures: unknown[] = [];
  for (const place of base === undefined ? usualPlaces(gid) : [base]) {
    try {
      return openIn(place, gid, nameBytes, warn);
    } catch (error) {
      failures.push(new Error(`${place}: ${messageOf(error)}`, { cause: error }));
    }
  }
  const cause = new AggregateError(failures);
  const message = `cannot create a private directory: ${messageOf(cause)}`;
  if (failures.some((failure) => errorCodeOf(failure) === 'RESOURCE_EXHAUSTED')) {
    throw new TransportError('RESOURCE_EXHAUSTED', message, { cause });
  }
  const hint =
    base === undefined
      ? 'Set XDG_RUNTIME_DIR or TMPDIR to a directory that you own, or choose a directory in the options.'
      : 'Choose a base that you own, below directories in which no other user can rename entries.';
  throw new TransportError('PERMISSION_DENIED', message, { hint, cause });
}

/**
 * Where private directories are, the first place first. The environment is input: what cannot be used in it is passed
 * over.
 */
export function usualPlaces(gid: number | undefined): Set<string> {
  const { XDG_RUNTIME_DIR: runtimeDirectory = '' } = process.env;
  // XDG base directory specification: only its owner may enter it, so a group cannot. A relative path is ignored.
  const runtime = gid === undefined && isAbsolute(runtimeDirectory) ? [runtimeDirectory] : [];
  return new Set([...runtime, ...absoluteTempDirectory(), '/tmp'].filter((path) => isValidUnixEndpoint(`${path}/s`)));
}

function absoluteTempDirectory(): string[] {
  try {
    return [resolve(tmpdir())];
  } catch {
    // It is relative, and the working directory was removed.
    return [];
  }
}

function openIn(place: string, gid: number | undefined, nameBytes: number, warn: Warn): UsedDirectory {
  // The link may belong to another user, who could redirect those who connect by its path.
  const realPlace = realpathSync(place);
  const name = `rpcplugin-${ownUid()}${gid === undefined ? '' : `-${gid}`}`;
  if (Buffer.byteLength(join(realPlace, name, '/')) + nameBytes > socketPathLimitBytes) {
    throw new Error('it is too long for a socket path');
  }
  const doubt = assertTrustworthy(realPlace);
  const access = gid === undefined ? OWN : { mode: 0o710, gid };
  const path = join(realPlace, name);
  const used = joinDirectory(path) ?? openAndShare(path, access, warn);
  if (doubt !== undefined) warn(`another user may be able to replace sockets: ${doubt}`);
  return used;
}

function openAndShare(path: string, access: Access, warn: Warn): UsedDirectory {
  const parent = Directory.open(dirname(path));
  try {
    const directory = parent.openOrCreate(basename(path), access);
    const cancelSweep = startSweep(directory, removeLeftover, (unknown) => {
      warnOfUnknown(directory, unknown, warn);
    });
    return shareDirectory(path, directory, () => {
      cancelSweep();
      try {
        parent.release(directory);
      } finally {
        parent.close();
      }
    });
  } catch (error) {
    parent.close();
    throw error;
  }
}
