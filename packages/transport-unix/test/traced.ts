import { readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { entriesOf, freshDirectory, pathOf, startProgram, until } from '@rpcplugin/test-support';
import type { TransportChild } from './support.js';

/** The system calls that change files or sockets. Machines without some of them have others instead. */
export const changing = [
  ...['mkdir', 'mkdirat', 'symlink', 'symlinkat', 'link', 'linkat', 'rename', 'renameat', 'renameat2', 'unlink'],
  ...['unlinkat', 'rmdir', 'chmod', 'fchmodat', 'chown', 'fchownat', 'bind', 'listen'],
] as const;

/** The same and those that open files and sockets, or look at files. */
export const all = [
  ...changing,
  ...['socket', 'connect', 'open', 'openat', 'stat', 'lstat', 'fstat', 'newfstatat', 'statx', 'access', 'faccessat'],
  ...['faccessat2', 'readlink', 'readlinkat', 'getdents64'],
] as const;

/** A system call, numbered among those with its name. */
export interface Call {
  readonly name: string;
  readonly count: number;
}

/** Names of system calls. */
type Names = readonly string[];

/** What strace(1) does to a process. */
export interface Trace {
  /** Lets the process go. Resolves with the traced calls, one a line. */
  end(): Promise<string[]>;
}

/**
 * Attaches strace(1) to the main thread of a child, in which all system calls of listen and close are.
 *
 * @param injection - What happens at some of the calls, such as `bind:error=EIO`.
 */
export async function traceCalls(child: TransportChild, calls: Names, injection?: string): Promise<Trace> {
  const file = join(await freshDirectory(), 'trace');
  const options = [`-etrace=${optional(calls)}`, ...(injection === undefined ? [] : [`-einject=${injection}`])];
  const strace = startProgram(['strace', '-p', String(child.process.pid), '-o', file, ...options]);
  await until(() => strace.output.includes('attached'));
  return {
    end: async () => {
      strace.process.kill('SIGINT');
      await strace.ended;
      return (await readFile(file, 'utf8')).trimEnd().split('\n');
    },
  };
}

/** The calls that a child makes during an action, in order. */
export async function callsDuring(
  child: TransportChild,
  calls: Names,
  action: () => Promise<unknown>,
): Promise<Call[]> {
  const trace = await traceCalls(child, calls);
  await action();
  const counts = new Map<string, number>();
  return (await trace.end()).map((line) => {
    const name = line.slice(0, line.indexOf('('));
    const count = (counts.get(name) ?? 0) + 1;
    counts.set(name, count);
    return { name, count };
  });
}

/** Resolves once a directory has no other entries than a socket and the directories that it is in. */
export async function untilSwept(directory: string, endpoint: string, ...others: string[]): Promise<void> {
  const path = relative(directory, pathOf(endpoint));
  const isExpected = (entry: string): boolean => path.startsWith(entry) || others.includes(entry);
  await until(async () => (await entriesOf(directory)).every(isExpected));
}

function optional(calls: Names): string {
  return calls.map((call) => `?${call}`).join();
}
