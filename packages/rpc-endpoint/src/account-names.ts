import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Time limit for a directory service, in milliseconds. */
const GETENT_TIMEOUT_MS = 2000;

/** The name of a user, or the number if it has none. */
export function userName(uid: number): string {
  return nameOf('passwd', uid);
}

/** The name of a group, or the number if it has none. */
export function groupName(gid: number): string {
  return nameOf('group', gid);
}

/** Node has no getpwuid(3): the files passwd(5) and group(5), then `getent` for what a directory service has. */
function nameOf(database: 'passwd' | 'group', id: number): string {
  return find(read(`/etc/${database}`), id) ?? find(getent(database, id), id) ?? String(id);
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function getent(database: string, id: number): string {
  try {
    const stdio: ['ignore', 'pipe', 'ignore'] = ['ignore', 'pipe', 'ignore'];
    return execFileSync('getent', [database, String(id)], { encoding: 'utf8', timeout: GETENT_TIMEOUT_MS, stdio });
  } catch {
    return '';
  }
}

/** Both formats begin with `name:password:number:`. */
function find(lines: string, id: number): string | undefined {
  return lines
    .split('\n')
    .map((line) => line.split(':'))
    .find(([, , number]) => number === String(id))?.[0];
}
