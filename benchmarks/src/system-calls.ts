import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** How often each system call is made. */
export type Calls = Readonly<Record<string, number>>;

/**
 * Calls for files, sockets and the descriptors that the event loop watches. Others vary with timing: memory, locks,
 * waiting, and the reads and writes with which Node's threads wake one another.
 */
const COUNTED =
  '%file,%network,%fstat,close,epoll_ctl,?fcntl,?ioctl,?dup,?dup2,?dup3,?pipe2,?getdents64,?fchmod,?fchown';

const FEW = 5;
const MANY = 45;

/** One name for calls that do the same: which of them Node uses depends on its version and on the processor. */
const SAME: Readonly<Record<string, string>> = {
  ...alias('stat', 'lstat', 'fstat', 'newfstatat', 'statx'),
  ...alias('open', 'openat'),
  ...alias('access', 'faccessat', 'faccessat2'),
  ...alias('mkdir', 'mkdirat'),
  ...alias('link', 'linkat'),
  ...alias('rename', 'renameat', 'renameat2'),
  ...alias('readlink', 'readlinkat'),
  ...alias('chmod', 'fchmod', 'fchmodat'),
  // The flag that makes unlinkat(2) the same as rmdir(2) is an argument.
  ...alias('unlink', 'unlinkat', 'rmdir'),
};

/**
 * Counts the system calls of one operation of a program, with strace(1): those that it makes more often when it repeats
 * the operation more often. So neither its start nor its end counts.
 *
 * @param command - The program. A number of operations is added to its arguments.
 */
export async function systemCalls(command: readonly string[], env?: NodeJS.ProcessEnv): Promise<Calls> {
  // One after the other: listeners in one directory wait for each other.
  const few = await traced([...command, String(FEW)], env);
  const many = await traced([...command, String(MANY)], env);
  const names = [...new Set([...Object.keys(few), ...Object.keys(many)])].sort();
  const perOperation = names.map((name) => {
    const difference = (many[name] ?? 0) - (few[name] ?? 0);
    // Threads of Node open some files after the start, or do not get to it before the end.
    return [name, Math.round(difference / (MANY - FEW))] as const;
  });
  return Object.fromEntries(perOperation.filter(([, count]) => count !== 0));
}

async function traced(command: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Calls> {
  const directory = await mkdtemp(join(tmpdir(), 'system-calls-'));
  try {
    const file = join(directory, 'counts');
    // The filter lets calls that are not counted run at their usual speed.
    const options = ['-f', '-qq', '--seccomp-bpf', `--trace=${COUNTED}`, '-c', '-U', 'name,calls', '-o', file];
    await promisify(execFile)('strace', [...options, ...command], { env: { ...process.env, ...env } });
    return countsIn(await readFile(file, 'utf8'));
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** Reads a table of names and numbers. */
function countsIn(table: string): Calls {
  const counts: Record<string, number> = {};
  for (const [, call = '', count] of table.matchAll(/^\s*(\w+)\s+(\d+)\s*$/gm)) {
    if (call === 'total') continue;
    const name = SAME[call] ?? call;
    counts[name] = (counts[name] ?? 0) + Number(count);
  }
  return counts;
}

function alias(name: string, ...others: readonly string[]): Record<string, string> {
  return Object.fromEntries(others.map((other) => [other, name]));
}
