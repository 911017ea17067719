import { once } from 'node:events';
import { unlinkSync } from 'node:fs';
import { symlink, writeFile } from 'node:fs/promises';
import { createServer, Socket } from 'node:net';
import { freshDirectory, rejectionOf, settlesWithin, staleSocketAt } from '@rpcplugin/test-support';
import { TransportError } from '@rpcplugin/transport-core';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { connectSocket, dial, Operation, socketPathLimitBytes } from '../src/index.js';
import type { DialContext } from '../src/index.js';
import { freshPath, watches } from './support.js';

function systemError(code: string): Error {
  return Object.assign(new Error(code), { code });
}

/** Attempts that fail with these errors in turn, then succeed. */
function attempts(...failures: Error[]): { attempt: () => Promise<Socket>; socket: Socket; count: () => number } {
  const socket = new Socket();
  let count = 0;
  const attempt = (): Promise<Socket> => {
    const failure = failures[count++];
    return failure === undefined ? Promise.resolve(socket) : Promise.reject(failure);
  };
  return { attempt, socket, count: () => count };
}

/** The path of a socket file without a listener. */
async function stalePath(): Promise<string> {
  const path = await freshPath();
  await staleSocketAt(path);
  return path;
}

const options = { waitMs: 60_000, retryMs: 1 };
const noWait = { waitMs: 0, retryMs: 1 };

function dialWith(
  attempt: () => Promise<Socket>,
  operation: Operation,
  { waitMs, retryMs, path }: { waitMs: number; retryMs: number; path?: string },
): Promise<Socket> {
  const dialer = { endpoint: 'test:', retryMs: retryMs, path, attempt };
  return dial(dialer, { allowHalfOpen: false, operation }, waitMs);
}

describe('dial', () => {
  it('resolves with the socket of a successful attempt', async () => {
    const { attempt, socket } = attempts();
    expect(await dialWith(attempt, new Operation('test'), noWait)).toBe(socket);
  });

  it.each(['ENOENT', 'ECONNREFUSED'])('retries after %s within waitMs', async (errno) => {
    const { attempt, count } = attempts(systemError(errno), systemError(errno));
    await dialWith(attempt, new Operation('test'), options);
    expect(count()).toBe(3);
  });

  it.each(['ENOENT', 'ECONNREFUSED'])('rejects with %s without waitMs', async (errno) => {
    const { attempt } = attempts(systemError(errno));
    await expect(dialWith(attempt, new Operation('test'), noWait)).rejects.toMatchObject({ code: errno });
  });

  it('does not retry a missing file until it appears', async () => {
    const path = await freshPath();
    const { attempt, count } = attempts(systemError('ENOENT'));
    const dialling = dialWith(attempt, new Operation('test'), { waitMs: 60_000, retryMs: 1, path });
    // Longer than retryMs.
    await dialWith(attempts(systemError('ENOENT')).attempt, new Operation('test'), { waitMs: 60_000, retryMs: 20 });
    expect(count()).toBe(1);
    await writeFile(path, '');
    await dialling;
    expect(count()).toBe(2);
  });

  it('retries a missing file once when waitMs is over', async () => {
    const { attempt, count } = attempts(...Array.from({ length: 50 }, () => systemError('ENOENT')));
    // Longer than the delay between attempts at a stale socket.
    const dialling = dialWith(attempt, new Operation('test'), { waitMs: 120, retryMs: 1, path: await freshPath() });
    await expect(dialling).rejects.toMatchObject({ code: 'ENOENT' });
    expect(count()).toBe(2);
  });

  it.runIf(process.platform === 'linux')('leaves no watch when cancelled after a long wait', async () => {
    const path = await freshPath();
    const before = watches();
    const operation = new Operation('test');
    const dialling = rejectionOf(dialWith(attempts(systemError('ENOENT')).attempt, operation, { ...options, path }));
    await vi.waitUntil(() => watches().length > before.length, { timeout: 10_000 });
    operation.cancel(new TransportError('CLOSED', 'x'));
    await dialling;
    expect(watches()).toEqual(before);
  });

  it('retries often at a new file, whose owner may be about to listen, and rarely at an old one', async () => {
    const path = await freshPath();
    await writeFile(path, '');
    const counts = [];
    for (const [each, waitMs] of [[path, 400] as const, [process.execPath, 45] as const]) {
      const { attempt, count } = attempts(...Array.from({ length: 1000 }, () => systemError('ECONNREFUSED')));
      const dialling = dialWith(attempt, new Operation('test'), { waitMs, retryMs: 1, path: each });
      await expect(dialling).rejects.toMatchObject({ code: 'ECONNREFUSED' });
      counts.push(count());
    }
    // One attempt every 50 ms would make 11. An idle machine makes 300.
    expect(counts[0]).toBeGreaterThan(15);
    // The first attempt, one once the state of the file is known, and one when the time is up.
    expect(counts[1]).toBeLessThanOrEqual(3);
  });

  it('retries at an old file every 50 ms', async () => {
    const refused = Array.from({ length: 5 }, () => systemError('ECONNREFUSED'));
    const { attempt, socket } = attempts(...refused);
    const dialling = dialWith(attempt, new Operation('test'), { waitMs: 20_000, retryMs: 1, path: process.execPath });
    expect(await settlesWithin(1000, dialling)).toBe(true);
    expect(await dialling).toBe(socket);
  });

  it.each(['EACCES', 'EMFILE', 'ENOTFOUND', 'EINVAL'])(
    'rejects with %s at once, however long waitMs is',
    async (errno) => {
      const { attempt, count } = attempts(systemError(errno));
      await expect(dialWith(attempt, new Operation('test'), options)).rejects.toMatchObject({ code: errno });
      expect(count()).toBe(1);
    },
  );

  it('rejects with the failure of the operation when cancelled during the wait', async () => {
    const operation = new Operation('test');
    const error = new TransportError('CLOSED', 'x');
    const failing = (): Promise<Socket> => Promise.reject(systemError('ENOENT'));
    const dialling = rejectionOf(dialWith(failing, operation, { waitMs: 60_000, retryMs: 60_000 }));
    await new Promise((resolve) => setImmediate(resolve));
    operation.cancel(error);
    expect(await dialling).toBe(error);
  });

  it('rejects with the failure of the operation rather than an error caused by the cancellation', async () => {
    const operation = new Operation('test');
    const error = new TransportError('CLOSED', 'x');
    const attempt = (): Promise<Socket> => {
      operation.cancel(error);
      return Promise.reject(systemError('EACCES'));
    };
    expect(await rejectionOf(dialWith(attempt, operation, options))).toBe(error);
  });

  it('records each failed attempt, as the cause of a timeout', async () => {
    const latest = systemError('ECONNREFUSED');
    const operation = new Operation('test');
    const recorded: unknown[] = [];
    operation.attemptFailed = (error) => recorded.push(error);
    await dialWith(attempts(systemError('ENOENT'), latest).attempt, operation, options);
    expect(recorded).toEqual([expect.objectContaining({ code: 'ENOENT' }), latest]);
  });
});

function contextOf(operation: Operation): DialContext {
  return { allowHalfOpen: false, operation };
}

/** An operation that counts its listeners. */
class CountingOperation extends Operation {
  listeners = 0;

  override onCancel(listener: (failure: TransportError) => void): () => void {
    this.listeners++;
    const remove = super.onCancel(listener);
    return () => {
      this.listeners--;
      remove();
    };
  }
}

describe('connectSocket', () => {
  const operation = new CountingOperation('test');
  const context = contextOf(operation);
  const enough = new TransportError('ABORTED', 'enough');

  it('resolves with a connected socket and removes its own listeners', async () => {
    const path = await freshPath();
    const server = createServer().listen(path);
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    const fresh = new Socket();
    const socket = await connectSocket({ path }, context);
    onTestFinished(() => void socket.destroy());
    expect(['error', 'connect'].map((event) => socket.listenerCount(event))).toEqual(
      ['error', 'connect'].map((event) => fresh.listenerCount(event)),
    );
    expect(operation.listeners).toBe(0);
  });

  it('rejects with NOT_A_SOCKET for a regular file', async () => {
    const path = await freshPath();
    await writeFile(path, 'x');
    expect(await rejectionOf(connectSocket({ path }, context))).toMatchObject({
      code: 'NOT_A_SOCKET',
      message: expect.stringContaining(path) as string,
      cause: { code: 'ECONNREFUSED' },
    });
  });

  it('rejects with NOT_A_SOCKET for a symbolic link to a regular file', async () => {
    const directory = await freshDirectory();
    await writeFile(`${directory}/file`, 'x');
    await symlink(`${directory}/file`, `${directory}/link`);
    expect((await rejectionOf(connectSocket({ path: `${directory}/link` }, context))).code).toBe('NOT_A_SOCKET');
  });

  it('rejects with the system error for a stale socket', async () => {
    await expect(connectSocket({ path: await stalePath() }, context)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('rejects with the system error for a stale socket that is deleted during the attempt', async () => {
    const path = await stalePath();
    // The kernel has refused the connection by the time `connectSocket` returns.
    const connecting = connectSocket({ path }, context);
    unlinkSync(path);
    await expect(connecting).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('rejects with PATH_TOO_LONG instead of connecting to a truncated path', async () => {
    const path = `${await freshDirectory()}/${'x'.repeat(socketPathLimitBytes)}`;
    expect((await rejectionOf(connectSocket({ path }, context))).code).toBe('PATH_TOO_LONG');
  });

  it('rejects with the system error for a missing file', async () => {
    await expect(connectSocket({ path: await freshPath() }, context)).rejects.toMatchObject({ code: 'ENOENT' });
    expect(operation.listeners).toBe(0);
  });

  it('rejects with the failure of an operation that is already cancelled', async () => {
    const cancelled = new Operation('test');
    cancelled.cancel(enough);
    await expect(connectSocket({ path: '/nowhere' }, contextOf(cancelled))).rejects.toBe(enough);
  });

  it('rejects with the failure of an operation cancelled during the attempt, and leaves no socket', async () => {
    const path = await freshPath();
    const accepted: Socket[] = [];
    const server = createServer((socket) => accepted.push(socket.resume())).listen(path);
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    const meanwhile = new Operation('test');
    const connecting = connectSocket({ path }, contextOf(meanwhile));
    meanwhile.cancel(enough);
    await expect(connecting).rejects.toBe(enough);
    await vi.waitUntil(() => accepted[0]?.closed, { timeout: 10_000 });
  });
});

it('connectSocket rejects with CONNECTION_REFUSED when the listener closes before it accepts', async () => {
  const path = await freshPath();
  const server = createServer().listen({ path, exclusive: true });
  await once(server, 'listening');
  // The kernel has queued the connection by the time `connectSocket` returns; neither side has looked yet.
  const attempt = rejectionOf(connectSocket({ path }, contextOf(new Operation('test'))));
  server.close();
  const error = await attempt;
  expect(error.code).toBe('CONNECTION_REFUSED');
  expect(error.cause).toMatchObject({ code: 'ECONNRESET' });
});
