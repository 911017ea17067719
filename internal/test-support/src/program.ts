import { spawn } from 'node:child_process';
import type { ChildProcess, ChildProcessWithoutNullStreams, StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { onTestFinished } from 'vitest';
import type { CommandLine } from './command-line.js';

export interface ProgramOptions {
  /** Variables to add to the environment of this process, or to remove if `undefined`. */
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly uid?: number;
  readonly gid?: number;
  /**
   * Registers the cleanup: `afterAll` for a program that several tests share, {@link whenAllAreOver} for one that a hook
   * starts, and the test's own `onTestFinished` for one of a concurrent test, because Vitest's would register it with
   * any of them. Default: `onTestFinished`.
   */
  readonly whenOver?: (action: () => Promise<void>) => void;
}

export interface Ending {
  /** The exit code, or the signal that ended the program. */
  readonly status: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts a program without collecting its output. Its process group is killed after the test. */
export function spawnProgram(
  [program, ...args]: CommandLine,
  { env, whenOver = onTestFinished, ...options }: ProgramOptions = {},
  stdio: StdioOptions = 'pipe',
): ChildProcessWithoutNullStreams {
  const child = spawn(program, args, {
    ...options,
    env: { ...process.env, ...env },
    stdio,
    detached: true,
  }) as ChildProcessWithoutNullStreams;
  // The program may end before it has read all of its input.
  child.stdin.on('error', () => undefined);
  const closed = once(child, 'close');
  closed.catch(() => undefined);
  whenOver(async () => {
    killGroup(child);
    await closed;
  });
  return child;
}

/** A program that collects its output. */
export class Program {
  readonly process: ChildProcessWithoutNullStreams;
  /** Resolves with how the program ended. */
  readonly ended: Promise<Ending>;
  #stdout = '';
  #output = '';

  constructor(command: CommandLine, options?: ProgramOptions, stdio?: StdioOptions) {
    this.process = spawnProgram(command, options, stdio);
    let stderr = '';
    this.process.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text;
      this.#output += text;
    });
    this.process.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
      this.#output += text;
    });
    this.ended = once(this.process, 'close').then(([code, signal]: (number | string | null)[]) => ({
      status: code ?? signal ?? 'unknown',
      stdout: this.#stdout,
      stderr,
    }));
    this.ended.catch(() => undefined);
  }

  /** Everything the program has printed so far, on standard output and standard error. */
  get output(): string {
    return this.#output;
  }

  /** Resolves with the match once the standard output matches. */
  async printed(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.#stdout);
      if (match !== null) return match;
      await this.unlessEnded(once(this.process.stdout, 'data'));
    }
  }

  /** Kills the program and its process group. */
  async kill(): Promise<Ending> {
    killGroup(this.process);
    return this.ended;
  }

  protected async unlessEnded<T>(promise: Promise<T>): Promise<T> {
    const ended = this.ended.then(({ status }) => {
      throw new Error(`${this.process.spawnargs.join(' ')} ended with ${status}: ${this.#output}`);
    });
    return Promise.race([promise, ended]);
  }
}

/** Starts a program, which is killed after the test. */
export function startProgram(command: CommandLine, options?: ProgramOptions): Program {
  return new Program(command, options);
}

/** Runs a program to its end, with `input` as its standard input. */
export async function run(
  command: CommandLine,
  { input = '', ...options }: ProgramOptions & { readonly input?: string | Buffer } = {},
): Promise<Ending> {
  const program = new Program(command, options);
  program.process.stdin.end(input);
  return program.ended;
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // All of its processes have ended.
  }
}
