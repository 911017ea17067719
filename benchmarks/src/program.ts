import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';

// Where the scheduler places two communicating processes can double or halve their speed for as long as they live.
const canPin = availableParallelism() > 1 && spawnSync('taskset', ['--version']).status === 0;

/** The start of a command that runs the rest on one processor; empty if the machine cannot pin processes. */
export function pinTo(processor: number): string[] {
  return canPin ? ['taskset', '--cpu-list', String(processor)] : [];
}

/** The built file of a program in `programs/`. */
export function programFile(name: string): string {
  return fileURLToPath(new URL(`./programs/${name}.js`, import.meta.url));
}

/** A process that takes commands as `programs/commands.ts` describes them, in any language. */
export class Program implements AsyncDisposable {
  readonly process: ChildProcess;
  readonly #input: NodeJS.WritableStream;
  readonly #answers: AsyncIterator<string>;
  readonly #exited: Promise<unknown>;

  /** @param processor - The processor to run on. */
  constructor(command: string, args: readonly string[], processor?: number) {
    const [first = '', ...rest] = [...(processor === undefined ? [] : pinTo(processor)), command, ...args];
    const child = spawn(first, rest, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.process = child;
    this.#input = child.stdin;
    // `call` notices that the program ended by the end of its output.
    child.stdin.on('error', () => undefined);
    this.#answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    this.#exited = once(child, 'exit');
  }

  /** Starts a program in `programs/` with Node. */
  static node(name: string, ...args: string[]): Program {
    return new Program(process.execPath, [programFile(name), ...args]);
  }

  /** Sends a command and resolves with its result. Commands run one after the other. */
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

/** Disposes of what it keeps, in reverse order. (Node 20 has no `AsyncDisposableStack`.) */
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
