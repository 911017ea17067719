import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { BigIntStats } from 'node:fs';

/** Time limit for `ss`, in milliseconds. */
const SS_TIMEOUT_MS = 2000;
/** How much `ss` may print, in bytes: a machine can have many sockets, and a socket many descriptors. */
const MAX_SS_BYTES = 64 * 2 ** 20;
/**
 * The processes of a row of `ss`. A process chooses its name, of at most 15 bytes, and the name of its socket. The
 * longest name is taken: two entries have more than 15 bytes in between, so that no name can pass for an entry.
 */
const SS_USER = String.raw`\("[^\n]{0,15}",pid=(\d+),fd=\d+\)`;
const SS_USERS = new RegExp(String.raw`users:\(((?:${SS_USER},?)+)\) <-> ino:\d+ dev:\S* peers:\s*$`);
/** How many characters of a command line people see. */
const MAX_COMMAND = 60;

/** A process that has a listening socket. */
export interface ListeningProcess {
  readonly pid: number;
  /** Its command line, which the process can change. */
  readonly command: string;
}

/**
 * The processes that listen on a socket file; none if this user may not know them, or the system does not tell.
 *
 * The kernel's table in `/proc/net/unix` has the name that a socket was bound to, which is not that of a file that got
 * its name by link(2), as transports do it. Only `ss` of iproute2 gets the inode of the file, from sock_diag(7).
 */
export function listeningProcesses(path: string, file: BigIntStats): ListeningProcess[] {
  const pids = pidsFromSs(file) ?? pidsFromProc(path);
  return pids.map((pid) => ({ pid, command: commandOf(pid) }));
}

/**
 * The command line of a process; empty if it has ended. The name in `/proc/<pid>/comm` says less: since Node 24, it is
 * `MainThread`.
 */
export function commandOf(pid: number): string {
  return read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trimEnd();
}

/** A process as a person reads it. */
export function processText(pid: number, command: string): string {
  if (command === '') return `pid ${pid}`;
  return `pid ${pid} (${command.length > MAX_COMMAND ? `${command.slice(0, MAX_COMMAND)}…` : command})`;
}

/** `undefined` without `ss`, or if it does not know the socket, such as one of another network namespace. */
function pidsFromSs({ ino }: BigIntStats): number[] | undefined {
  const rows = ssRows().filter((row) => inodeOf(row) === BigInt.asUintN(32, ino));
  // Files of several file systems can have the same inode.
  if (rows.length !== 1) return undefined;
  const [, users = ''] = SS_USERS.exec(rows[0] ?? '') ?? [];
  return distinct(Array.from(users.matchAll(new RegExp(SS_USER, 'g')), ([, pid]) => Number(pid)));
}

function ssRows(): string[] {
  try {
    const args = ['--unix', '--listening', '--processes', '--extended', '--no-header'];
    const stdio: ['ignore', 'pipe', 'ignore'] = ['ignore', 'pipe', 'ignore'];
    const limits = { timeout: SS_TIMEOUT_MS, maxBuffer: MAX_SS_BYTES };
    return execFileSync('ss', args, { encoding: 'utf8', ...limits, stdio }).split('\n');
  } catch {
    return [];
  }
}

/** The inode of the file, of which sock_diag(7) tells 32 bits. */
function inodeOf(row: string): bigint | undefined {
  const [, ino] = /<-> ino:(\d+) dev:\S* peers:\s*$/.exec(row) ?? [];
  return ino === undefined ? undefined : BigInt(ino);
}

/** By the name that the socket was bound to. */
function pidsFromProc(path: string): number[] {
  // The columns: address, references, protocol, flags, type, state, inode, path. Of these flags is __SO_ACCEPTCON.
  const listening = /^\S+: \S+ \S+ 00010000 0001 01 +(\d+) (.+)$/gm;
  const sockets = [...read('/proc/net/unix').matchAll(listening)]
    .filter(([, , name]) => name === path)
    .map(([, inode = '']) => `socket:[${inode}]`);
  if (sockets.length === 0) return [];
  const pids = list('/proc').filter((name) => /^\d+$/.test(name));
  return pids
    .filter((pid) => list(`/proc/${pid}/fd`).some((fd) => sockets.includes(target(`/proc/${pid}/fd/${fd}`))))
    .map(Number);
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/** Empty for what this user may not list, such as the descriptors of another user's process. */
function list(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function target(link: string): string {
  try {
    return readlinkSync(link);
  } catch {
    return '';
  }
}

function distinct<T>(values: readonly T[]): T[] {
  return [...new Set(values)];
}
