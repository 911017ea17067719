import { fork, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import { chmod, link, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TransportError } from '@rpcplugin/transport-core';
import { onTestFinished } from 'vitest';
import { UnixSocketTransport } from '../src/index.js';
import type { UnixSocketTransportOptions } from '../src/index.js';
import type { Command, Reply } from './children/controlled.js';

export const packageDirectory = fileURLToPath(new URL('..', import.meta.url));
export const isRoot = process.getuid?.() === 0;
/** A user without any rights: nobody. */
export const otherUser = { uid: 65_534, gid: 65_534 };

/** An empty directory, removed when the test is over. */
export async function freshDirectory(mode = 0o700): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'rpc-test-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  await chmod(directory, mode);
  return directory;
}

/** A transport that is closed when the test is over. */
export function transport(options?: UnixSocketTransportOptions): UnixSocketTransport {
  const created = new UnixSocketTransport(options);
  onTestFinished(() => created.close({ graceMs: 0 }).catch(() => undefined));
  return created;
}

export function pathOf(endpoint: string): string {
  return endpoint.replace(/^unix:/, '');
}

/** A plain listener that says hello, closed when the test is over. */
export async function plainServer(path: string): Promise<Server> {
  const connections = new Set<Socket>();
  const server = createServer((socket) => connections.add(socket.on('error', () => undefined)));
  server.on('connection', (socket) => socket.end('hello'));
  server.listen({ path, exclusive: true });
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    for (const socket of connections) socket.destroy();
  });
  return server;
}

/** Whether somebody says hello at a path. */
export async function saysHello(path: string): Promise<boolean> {
  const socket = connect(path);
  const [data] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  return String(data) === 'hello';
}

/** A socket file that nobody listens on. */
export async function staleSocketAt(path: string): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'rpc-test-'));
  const server = createServer().listen({ path: join(directory, 's'), exclusive: true });
  await once(server, 'listening');
  // The server removes only the name that it was bound to.
  await link(join(directory, 's'), path);
  server.close();
  await once(server, 'close');
  await rm(directory, { recursive: true });
}

/** Directories of sockets in the making, which are to be gone once a listen has settled. */
export async function stagingIn(directory: string): Promise<string[]> {
  return (await readdir(directory)).filter((name) => name.startsWith('.'));
}

/** What keeps this process from ending, and what its descriptors refer to but for sockets, which close a little later. */
export function held(): string[] {
  const descriptors = readdirSync('/proc/self/fd').map((descriptor) => {
    try {
      return readlinkSync(`/proc/self/fd/${descriptor}`);
    } catch {
      // That of the listing itself.
      return '';
    }
  });
  return [...process.getActiveResourcesInfo(), ...descriptors]
    .filter((name) => name.startsWith('/') || name === 'Timeout')
    .sort();
}

/** A group other than this process's that it may give files to; `undefined` if it has none. */
export async function otherGroup(): Promise<{ name: string; gid: number } | undefined> {
  const groups = (await readFile('/etc/group', 'utf8'))
    .split('\n')
    .map((line) => line.split(':'))
    .map(([name = '', , gid = '']) => ({ name, gid: Number(gid) }));
  const own = process.getgroups?.() ?? [];
  return groups.find(({ name, gid }) => name !== '' && gid !== process.getgid?.() && (isRoot || own.includes(gid)));
}

/** What a promise rejects with, which must be a `TransportError`. */
export async function failure(promise: Promise<unknown>): Promise<TransportError> {
  return asTransportError(
    await promise.then(
      () => undefined,
      (error: unknown) => error,
    ),
  );
}

/** What a call throws, which must be a `TransportError`. */
export function thrown(action: () => unknown): TransportError {
  try {
    action();
  } catch (error) {
    return asTransportError(error);
  }
  return asTransportError(undefined);
}

function asTransportError(error: unknown): TransportError {
  if (TransportError.isInstance(error)) return error;
  throw new Error('expected a TransportError', { cause: error });
}

export type Ending = [code: number | null, signal: NodeJS.Signals | null];

function endingOf(child: ChildProcess): Promise<Ending> {
  return once(child, 'exit') as Promise<unknown[]> as Promise<Ending>;
}

type WhenOver = (action: () => Promise<void>) => void;

function endWithTest(child: ChildProcess, whenOver: WhenOver = onTestFinished): void {
  whenOver(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
}

/** Another process with a transport, which does what it is asked. */
export class Controlled {
  readonly #child: ChildProcess;
  /** How it ended, once it has. */
  readonly ending: Promise<Ending>;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.ending = endingOf(child);
  }

  /** @param whenOver - Until when to keep it: `onTestFinished`, or `afterAll` for one that tests share. */
  static async start(
    options: { uid?: number; gid?: number; env?: NodeJS.ProcessEnv } = {},
    whenOver: WhenOver = onTestFinished,
  ): Promise<Controlled> {
    const child = fork(fileURLToPath(new URL('children/controlled.ts', import.meta.url)), [], {
      ...options,
      cwd: packageDirectory,
      env: { ...process.env, ...options.env },
      execArgv: ['--conditions=@rpcplugin/source', '--import', 'tsx'],
      // What an uncaught exception prints is expected.
      stdio: ['ignore', 'inherit', 'ignore', 'ipc'],
    });
    endWithTest(child, whenOver);
    const controlled = new Controlled(child);
    await controlled.#reply();
    return controlled;
  }

  async ask(command: Command): Promise<Reply> {
    this.#child.send(command);
    return (await this.#reply()) as Reply;
  }

  /** Sends a command that ends the process, by itself or by this signal, and resolves with how it ended. */
  end(how: Command | NodeJS.Signals): Promise<Ending> {
    if (typeof how === 'string') this.#child.kill(how);
    else this.#child.send(how);
    return this.ending;
  }

  async #reply(): Promise<unknown> {
    const ended = new AbortController();
    const onExit = (): void => {
      ended.abort(new Error('the child process exited'));
    };
    this.#child.once('exit', onExit);
    try {
      const [message] = (await once(this.#child, 'message', { signal: ended.signal })) as unknown[];
      return message;
    } finally {
      this.#child.off('exit', onExit);
    }
  }
}

export interface Program {
  readonly ending: Promise<Ending>;
  kill(signal: NodeJS.Signals): void;
}

/** Another program; unless told otherwise, ready once it has printed something. */
export async function program(command: string, args: string[], { untilOutput = true } = {}): Promise<Program> {
  const child = spawn(command, args, { cwd: packageDirectory, stdio: ['pipe', 'pipe', 'inherit'] });
  endWithTest(child);
  const ending = endingOf(child);
  if (untilOutput) {
    await Promise.race([
      once(child.stdout, 'data'),
      ending.then(() => {
        throw new Error(`${command} exited`);
      }),
    ]);
  }
  return {
    ending,
    kill: (signal) => {
      child.kill(signal);
    },
  };
}
