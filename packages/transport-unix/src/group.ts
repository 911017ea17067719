import { readFile } from 'node:fs/promises';
import { errorCodeOf, quote, TransportError } from '@rpcplugin/transport-core';

/** How long a directory service may take. */
const GETENT_TIMEOUT_MS = 5000;

/**
 * The number of a group. Node has no getgrnam(3): names are looked up in `/etc/group`, and then, for those that a directory
 * service provides, with `getent`.
 *
 * @throws TransportError `INVALID_ARGUMENT` if there is no such group.
 */
export async function groupId(group: string | number, signal: AbortSignal): Promise<number> {
  if (typeof group === 'number') return group;
  const entry =
    findEntry(await readFile('/etc/group', 'utf8').catch(nothing), group) ??
    findEntry(await getent(group, signal), group);
  if (entry !== undefined) return entry;
  throw new TransportError('INVALID_ARGUMENT', `there is no group ${quote(group)} on this machine`, {
    hint: 'Check the group option or PLUGIN_UNIX_SOCKET_GROUP; `getent group` lists the groups.',
  });
}

async function getent(group: string, signal: AbortSignal): Promise<string> {
  // Seldom needed, and slow to load.
  const { execFile } = await import('node:child_process');
  const { promisify } = await import('node:util');
  // After `--` a name that starts with a dash is a name still.
  try {
    const { stdout } = await promisify(execFile)('getent', ['--', 'group', group], {
      signal,
      timeout: GETENT_TIMEOUT_MS,
    });
    return stdout;
  } catch (error) {
    signal.throwIfAborted();
    return nothing(error);
  }
}

/** What a source of groups says that is not there; one that could not be asked for want of descriptors may know the group. */
function nothing(error: unknown): string {
  if (errorCodeOf(error) === 'RESOURCE_EXHAUSTED') throw error;
  return '';
}

/** Finds a group in lines as group(5) has them: `name:password:number:members`. */
function findEntry(lines: string, group: string): number | undefined {
  const fields = lines.split('\n').map((line) => line.split(':'));
  const number = fields.find(([name]) => name === group)?.[2];
  return /^\d+$/.test(number ?? '') ? Number(number) : undefined;
}
