import { readFileSync, realpathSync, statSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { dirname } from 'node:path';
import { errnoOf } from '@rpcplugin/transport-base';

/**
 * Throws if another user may rename or remove entries of the directory or of its ancestors: that user could replace
 * ours, and would get the connections of clients.
 *
 * Returns a reason to doubt it, if there is one: an ancestor that Node's permission model hides, or whose owner is
 * unknown. In a user namespace, files of users that it does not map seem to belong to one user, root among them.
 */
export function assertTrustworthy(path: string): string | undefined {
  let doubt: string | undefined;
  let directory = realpathSync(path);
  for (let parent = dirname(directory); ; directory = parent, parent = dirname(parent)) {
    const stats = statsOf(directory);
    if (stats === undefined) return `the permission model hides ${directory}`;
    const { mode, uid } = stats;
    const sticky = (mode & 0o1000) !== 0;
    if ((mode & 0o022) !== 0 && !sticky) throw new Error(`${directory} is writable for others and has no sticky bit`);
    if (uid !== 0) {
      // This user may itself be one that is not mapped.
      if (uid === unmappedUid()) doubt ??= `the owner of ${directory} is unknown in this user namespace`;
      else if (uid !== process.geteuid?.()) throw new Error(`${directory} belongs to another user`);
    }
    if (parent === directory) return doubt;
  }
}

/** `undefined` if Node's permission model hides the file. */
function statsOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch (error) {
    if (errnoOf(error) !== 'ERR_ACCESS_DENIED') throw error;
    return undefined;
  }
}

/**
 * The ID under which unmapped users appear in a user namespace (user_namespaces(7)); `undefined` outside of one.
 */
function unmappedUid(): number | undefined {
  try {
    // There are 2^32 - 1 users, so this map has all of them.
    const mapsAll = readFileSync('/proc/self/uid_map', 'latin1').includes('4294967295');
    return mapsAll ? undefined : Number(readFileSync('/proc/sys/kernel/overflowuid', 'latin1'));
  } catch {
    return undefined;
  }
}
