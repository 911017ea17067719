import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { TransportError } from '@rpcplugin/transport-core';
import { onTestFinished } from 'vitest';
import { TCPSocketTransport } from '../src/index.js';
import type { TCPSocketTransportOptions } from '../src/index.js';
import type { Command, Reply } from './children/controlled.js';

export const packageDirectory = fileURLToPath(new URL('..', import.meta.url));
export const isRoot = process.getuid?.() === 0;

/** A transport that is closed when the test is over. */
export function transport(options?: TCPSocketTransportOptions): TCPSocketTransport {
  const created = new TCPSocketTransport(options);
  onTestFinished(() => created.close({ graceMs: 0 }));
  return created;
}

/** A plain listener, closed when the test is over with all of its connections. */
export async function plainServer(host: string, port = 0): Promise<Server> {
  const connections = new Set<Socket>();
  const server = createServer((socket) => connections.add(socket.on('error', () => undefined)));
  server.listen({ host, port, exclusive: true });
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    for (const socket of connections) socket.destroy();
  });
  return server;
}

export function portOf(of: Server | string): number {
  return typeof of === 'string' ? Number(of.slice(of.lastIndexOf(':') + 1)) : (of.address() as AddressInfo).port;
}

/** A port that was free a moment ago. Somebody may take it meanwhile: see {@link withFreePorts}. */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  const server = createServer().listen({ host, port: 0, exclusive: true });
  await once(server, 'listening');
  const port = portOf(server);
  await closed(server);
  return port;
}

export async function closed(server: Server): Promise<void> {
  server.close();
  await once(server, 'close');
}

/**
 * Runs `action` with the first of `count` free ports in a row, again with others if somebody took one meanwhile. They are not of those
 * that the system gives to whoever asks for any: thousands of connections of other tests may have some of these.
 */
export async function withFreePorts(count: number, action: (base: number) => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const base = randomInt(10_000, 19_000);
    try {
      for (let port = base; port < base + count; port++) await closed(await plainServer('127.0.0.1', port));
      await action(base);
      return;
    } catch (error) {
      if (attempt === 5) throw error;
    }
  }
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

/** Another process with a transport, which does what it is asked. */
export class Controlled {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /**
   * @param command - What to start `node` with; its arguments are added.
   * @param whenOver - Until when to keep it: `onTestFinished`, or `afterAll` for one that tests share.
   */
  static async start(
    command: readonly [string, ...string[]] = [process.execPath],
    credentials: { uid?: number; gid?: number } = {},
    whenOver: (action: () => Promise<void>) => void = onTestFinished,
  ): Promise<Controlled> {
    const [program, ...args] = command;
    const script = fileURLToPath(new URL('children/controlled.ts', import.meta.url));
    const child = spawn(program, [...args, '--conditions=@rpcplugin/source', '--import', 'tsx', script], {
      ...credentials,
      cwd: packageDirectory,
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    whenOver(async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    });
    await nextMessage(child);
    return new Controlled(child);
  }

  async ask(command: Command): Promise<Reply> {
    this.#child.send(command);
    return (await nextMessage(this.#child)) as Reply;
  }
}

async function nextMessage(child: ChildProcess): Promise<unknown> {
  const ended = new AbortController();
  const onExit = (): void => {
    ended.abort(new Error('the child process exited'));
  };
  child.once('exit', onExit);
  try {
    const [message] = (await once(child, 'message', { signal: ended.signal })) as unknown[];
    return message;
  } finally {
    child.off('exit', onExit);
  }
}
