import { realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { isValidUnixEndpoint } from '@rpcplugin/endpoint-utils';
import { errorCodeOf, messageOf, socketPathLimitBytes } from '@rpcplugin/transport-base';
import { TransportError } from '@rpcplugin/transport-core';
import { Directory, OWN } from './directory.js';
import { isFile } from './files.js';
import { startSweep } from './sweep.js';
import { assertTrustworthy } from './trust.js';

/** A private directory in use. */
export interface PrivateDirectory {
  readonly directory: Directory;
  /** Why other users may be able to replace it, as in a container without root; `undefined` if they cannot. */
  readonly doubt: string | undefined;
  /** Stops using it. The last process to do so removes it. */
  readonly release: () => void;
}

/** Those in use, by path. */
const shared = new Map<string, PrivateDirectory & { users: number }>();

/**
 * Opens the directory of this user for sockets, in which no other user can add, replace or remove a file, and creates
 * it if needed: `rpcplugin-<uid>` with mode 0700, or `rpcplugin-<uid>-<gid>` with mode 0710 and the group, whose
 * members can then connect. The processes of the user share it.
 *
 * It is in `XDG_RUNTIME_DIR`, which no cleaner sweeps, else in the temp directory, else in `/tmp`: the first where it
 * can be created and where the path of a socket fits.
 *
 * @param nameBytes - The length of the name of a socket in it, in bytes.
 * @throws TransportError `PERMISSION_DENIED` if it cannot be created in any of them, or `RESOURCE_EXHAUSTED`. The
 *   message says why for each.
 */
export function openPrivateDirectory(
  gid: number | undefined,
  nameBytes: number,
  places: Iterable<string> = usualPlaces(gid),
): PrivateDirectory {
  const failures: unknown[] = [];
  for (const place of places) {
    try {
      return openIn(place, gid, nameBytes);
    } catch (error) {
      failures.push(new Error(`${place}: ${messageOf(error)}`, { cause: error }));
    }
  }
  const cause = new AggregateError(failures);
  const message = `cannot create a private directory: ${messageOf(cause)}`;
  if (failures.some((failure) => errorCodeOf(failure) === 'RESOURCE_EXHAUSTED')) {
    throw new TransportError('RESOURCE_EXHAUSTED', message, { cause });
  }
  throw new TransportError('PERMISSION_DENIED', message, {
    hint: 'Set XDG_RUNTIME_DIR or TMPDIR to a directory that you own, or give path or directory.',
    cause,
  });
}

/** The environment is input: what cannot be used in it is passed over. */
function usualPlaces(gid: number | undefined): Set<string> {
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

function openIn(place: string, gid: number | undefined, nameBytes: number): PrivateDirectory {
  // The link may belong to another user, who could redirect those who connect by its path.
  const realPlace = realpathSync(place);
  const common = `rpcplugin-${process.geteuid?.() ?? ''}${gid === undefined ? '' : `-${gid}`}`;
  const access = gid === undefined ? OWN : { mode: 0o710, gid };
  if (Buffer.byteLength(join(realPlace, common, '/')) + nameBytes > socketPathLimitBytes) {
    throw new Error('it is too long for a socket path');
  }
  const doubt = assertTrustworthy(realPlace);
  const parent = Directory.open(realPlace);
  try {
    return share(parent, parent.openOrCreate(common, access), doubt);
  } catch (error) {
    parent.close();
    throw error;
  }
}

/** The listeners of a thread share one, so that each needs no descriptors of its own. */
function share(parent: Directory, directory: Directory, doubt: string | undefined): PrivateDirectory {
  const key = directory.path;
  const known = shared.get(key);
  if (known !== undefined && isFile(known.directory.stats, directory.stats)) {
    directory.close();
    parent.close();
    known.users++;
    return known;
  }
  const cancelSweep = startSweep(directory);
  const entry = {
    directory,
    doubt,
    users: 1,
    release: () => {
      if (--entry.users > 0) return;
      if (shared.get(key) === entry) shared.delete(key);
      cancelSweep();
      try {
        parent.removeChild(directory);
      } finally {
        directory.close();
        parent.close();
      }
    },
  };
  shared.set(key, entry);
  return entry;
}
