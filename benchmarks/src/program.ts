import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';

// Where the scheduler puts two processes that talk makes them twice as fast or as slow, for as long as they live.
const canPin = availableParallelism() > 1 && spawnSync('taskset', ['--version']).status === 0;

/** What to put before a command to have it run on one processor, where the system lets us say so. */
export function pinTo(processor: number): string[] {
  return canPin ? ['taskset', '--cpu-list', String(processor)] : [];
}

/** The file of one of `programs/`, as it is built. */
export function programFile(name: string): string {
  return fileURLToPath(new URL(`./programs/${name}.js`, import.meta.url));
}

/** A process that obeys commands as `programs/commands.ts` describes them; those in other languages do the same. */
export class Program implements AsyncDisposable {
  readonly process: ChildProcess;
  readonly #input: NodeJS.WritableStream;
  readonly #answers: AsyncIterator<string>;
  readonly #exited: Promise<unknown>;

  /** @param processor - The one to run on. */
  constructor(command: string, args: readonly string[], processor?: number) {
    const [first = '', ...rest] = [...(processor === undefined ? [] : pinTo(processor)), command, ...args];
    const child = spawn(first, rest, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.process = child;
    this.#input = child.stdin;
    // A program that ended is noticed by its output, which ends as well.
    child.stdin.on('error', () => undefined);
    this.#answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    this.#exited = once(child, 'exit');
  }

  /** One of `programs/`, in a Node process. */
  static node(name: string, ...args: string[]): Program {
    return new Program(process.execPath, [programFile(name), ...args]);
  }

  /** Commands are obeyed one after the other. */
  async call<T>(name: string, ...args: readonly (string | number)[]): Promise<T> {
    this.#input.write(`${JSON.stringify([name, ...args])}\n`);
    const answer = await this.#answers.next();
    if (answer.done === true) throw new Error(`${this.process.spawnargs.join(' ')} ended before it answered ${name}`);
    const { result, error } = JSON.parse(answer.value) as { result: T; error?: string };
    if (error !== undefined) throw new Error(`${name}: ${error}`);
    return result;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#input.end();
    await this.#exited;
  }
}

/** Ends what it was told to keep when its block ends, the last first. (Node 20 has no `AsyncDisposableStack`.) */
export class Running implements AsyncDisposable {
  readonly #kept: AsyncDisposable[] = [];

  keep<T extends AsyncDisposable>(one: T): T {
    this.#kept.push(one);
    return one;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const one of this.#kept.toReversed()) await one[Symbol.asyncDispose]();
  }
}
