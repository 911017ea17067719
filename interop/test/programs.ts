// Runs the programs of others; none outlives its test.
import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';

export type Command = readonly [program: string, ...args: string[]];

/** Starts a program in a process group of its own, which is killed when the test is over. */
export function start([program, ...args]: Command, env: NodeJS.ProcessEnv = {}): ChildProcessWithoutNullStreams {
  const child = spawn(program, args, { detached: true, env: { ...process.env, ...env } });
  // What it does not read, as it has ended.
  child.stdin.on('error', () => undefined);
  const closed = once(child, 'close');
  onTestFinished(async () => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch {
      // Nobody of the group is left.
    }
    await closed;
  });
  return child;
}

export interface Ending {
  /** Its exit code, or the signal that ended it. */
  readonly status: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end, with `input` on its standard input. */
export async function run(command: Command, env: NodeJS.ProcessEnv = {}, input: string | Buffer = ''): Promise<Ending> {
  const child = start(command, env);
  child.stdin.end(input);
  const [[code, signal], stdout, stderr] = await Promise.all([
    once(child, 'close') as Promise<[number | null, string | null]>,
    text(child.stdout),
    text(child.stderr),
  ]);
  return { status: code ?? signal ?? 'unknown', stdout, stderr };
}
