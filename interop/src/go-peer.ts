// Builds the program in peers/go, once for all test files and runs with the same sources and compiler.
import { execFile, spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, onTestFinished } from 'vitest';
import { peers } from './peers.js';

const sources = fileURLToPath(new URL('../peers/go/', import.meta.url));
const builds = fileURLToPath(new URL('../dist/', import.meta.url));

/** The path of the program that {@link useGoPeer} builds. */
export const goPeer = join(builds, `go-${hashOfSources()}`);

// Test files run in parallel. The lock lets one of them build, and mv(1) publishes only a complete program.
const BUILD = '[ -x "$1" ] || { go build -o "$1.new" . && mv "$1.new" "$1"; }';

/** Builds the program before the tests of a file. Without Go it does nothing, and the tests are skipped. */
export function useGoPeer(): void {
  beforeAll(async () => {
    if (peers.goPlugin.version === undefined) return;
    mkdirSync(builds, { recursive: true });
    const env = { ...process.env, GO111MODULE: 'off', GOPATH: '/usr/share/gocode' };
    const args = [join(builds, 'go.lock'), 'sh', '-c', BUILD, 'sh', goPeer];
    await promisify(execFile)('flock', args, { cwd: sources, env });
  }, 300_000);
}

function hashOfSources(): string {
  const hash = createHash('sha256').update(peers.goPlugin.version ?? '');
  for (const name of readdirSync(sources).sort()) hash.update(name).update(readFileSync(join(sources, name)));
  return hash.digest('hex').slice(0, 16);
}

/** Runs a command of the program and resolves with the lines that it prints. */
export async function runGo(args: readonly string[], options: { cwd?: string } = {}): Promise<string[]> {
  const { stdout } = await promisify(execFile)(goPeer, args, options);
  return stdout.split('\n').slice(0, -1);
}

export interface GoHostOptions {
  /** Flags of the program's `host` command. */
  flags?: readonly string[];
  env?: NodeJS.ProcessEnv;
  /** The command that starts the program. Default: {@link goPeer}. */
  program?: readonly string[];
}

/** A go-plugin host. After the test it kills its plugin and exits. */
export class GoHost {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #answers: AsyncIterator<string>;
  #log = '';

  /** @param plugin - The command of the plugin, or with `-reattach` its PID, network and address. */
  constructor(plugin: readonly string[], { flags = [], env = {}, program = [goPeer] }: GoHostOptions = {}) {
    const [command = goPeer, ...args] = [...program, 'host', ...flags, ...plugin];
    this.#child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
    this.#answers = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => (this.#log += text));
    const ended = once(this.#child, 'close');
    this.end = async () => {
      this.#child.stdin.end();
      // A host that cannot kill its plugin waits for it forever.
      const kill = setTimeout(() => this.#child.kill('SIGKILL'), 5000);
      await ended;
      clearTimeout(kill);
    };
    onTestFinished(this.end);
  }

  /** Has the host kill its plugin and exit. */
  readonly end: () => Promise<void>;

  /** The log of go-plugin so far. */
  get log(): string {
    return this.#log;
  }

  /** Sends a line and resolves with the answer. */
  async ask(line: string): Promise<string> {
    this.#child.stdin.write(`${line}\n`);
    const answer = await this.#answers.next();
    if (answer.done === true) throw new Error(`the host exited: ${this.#log}`);
    return answer.value;
  }
}
