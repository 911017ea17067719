import { readFile } from 'node:fs/promises';
import { quote } from '@rpcplugin/printable';
import { errorCodeOf } from '@rpcplugin/transport-base';
import { TransportError } from '@rpcplugin/transport-core';

/** Time limit for a directory service, in milliseconds. */
const GETENT_TIMEOUT_MS = 5000;

/**
 * Returns the number of a group. Node has no getgrnam(3), so this reads `/etc/group`, then asks `getent` for groups
 * that a directory service provides.
 *
 * @throws TransportError `INVALID_ARGUMENT` if there is no such group.
 */
export async function groupId(group: string | number, signal: AbortSignal): Promise<number> {
  if (typeof group === 'number') return group;
  const gid =
    findGroupId(await readFile('/etc/group', 'utf8').catch(emptyIfUnavailable), group) ??
    findGroupId(await getent(group, signal), group);
  if (gid !== undefined) return gid;
  throw new TransportError('INVALID_ARGUMENT', `there is no group ${quote(group)} on this machine`, {
    hint: 'Check the group option or PLUGIN_UNIX_SOCKET_GROUP; `getent group` lists the groups.',
  });
}

async function getent(group: string, signal: AbortSignal): Promise<string> {
  // Rarely needed, and slow to load.
  const { execFile } = await import('node:child_process');
  const { promisify } = await import('node:util');
  try {
    // `--`: the name may start with a dash.
    const { stdout } = await promisify(execFile)('getent', ['--', 'group', group], {
      signal,
      timeout: GETENT_TIMEOUT_MS,
    });
    return stdout;
  } catch (error) {
    signal.throwIfAborted();
    return emptyIfUnavailable(error);
  }
}

/** Treats a source of groups that fails as empty. Throws if descriptors ran out: the source may have the group. */
function emptyIfUnavailable(error: unknown): string {
  if (errorCodeOf(error) === 'RESOURCE_EXHAUSTED') throw error;
  return '';
}

/** Finds the number of a group in lines of the group(5) format: `name:password:number:members`. */
function findGroupId(lines: string, group: string): number | undefined {
  const fields = lines.split('\n').map((line) => line.split(':'));
  const number = fields.find(([name]) => name === group)?.[2];
  return /^\d+$/.test(number ?? '') ? Number(number) : undefined;
}
