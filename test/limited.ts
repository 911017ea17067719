import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { afterAll } from 'vitest';
import type { Command, Reply, Request, Response } from './limited-child.js';
import { removeDirectory } from './support.js';

/** What Node and the channel to the parent need, and some more. */
const DESCRIPTORS = 64;

// In one file, that Node starts as it is: a loader of TypeScript would open and close files in threads of its own.
const directory = mkdtempSync(join(tmpdir(), 'limited-'));
const script = join(directory, 'limited-child.mjs');
buildSync({
  entryPoints: [fileURLToPath(new URL('limited-child.ts', import.meta.url))],
  outfile: script,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  conditions: ['@rpcplugin/source'],
});
afterAll(() => removeDirectory(directory));

/** Another process, which has few descriptors. */
export class Limited {
  readonly exited: Promise<unknown>;
  readonly #child: ChildProcess;
  #requests = 0;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.exited = once(child, 'exit').then(([code, signal]: unknown[]) => code ?? signal);
  }

  /**
   * @param variant - What kind of transport it has.
   * @param temporary - In which directory it makes others. Default: one that is removed after the tests of the file.
   */
  static async start(variant: string, temporary = directory): Promise<Limited> {
    const child = spawn('sh', ['-c', `ulimit -n ${DESCRIPTORS}; exec "$@"`, 'sh', process.execPath, script, variant], {
      env: { ...process.env, TMPDIR: temporary },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    // Several questions can be open at once.
    child.setMaxListeners(0);
    const limited = new Limited(child);
    await limited.#unlessExited(once(child, 'message'));
    return limited;
  }

  async ask(command: Command): Promise<Reply> {
    const id = this.#requests++;
    const replied = new Promise<Reply>((resolve) => {
      const onMessage = ({ id: of, ...reply }: Response): void => {
        if (of !== id) return;
        this.#child.off('message', onMessage);
        resolve(reply);
      };
      this.#child.on('message', onMessage);
    });
    this.#child.send({ id, command } satisfies Request);
    return this.#unlessExited(replied);
  }

  /** Ends it by this command, and resolves with how it ended. */
  async end(command: Command): Promise<unknown> {
    this.#child.send({ id: this.#requests++, command } satisfies Request);
    return this.exited;
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.exited;
  }

  async #unlessExited<T>(promise: Promise<T>): Promise<T> {
    const exited = this.exited.then((how) => {
      throw new Error(`the child exited: ${String(how)}`);
    });
    return Promise.race([promise, exited]);
  }
}
