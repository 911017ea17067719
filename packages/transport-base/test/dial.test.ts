import { once } from 'node:events';
import { unlinkSync } from 'node:fs';
import { link, symlink, writeFile } from 'node:fs/promises';
import { createServer, Socket } from 'node:net';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { TransportError } from '@rpcplugin/transport-core';
import { connectSocket, dial, Operation, socketPathLimitBytes } from '../src/index.js';
import type { DialContext } from '../src/index.js';
import { freshDirectory, freshPath, rejectionOf, watches } from './support.js';

function systemError(code: string): Error {
  return Object.assign(new Error(code), { code });
}

/** Attempts that fail with these errors in turn, and then succeed. */
function attempts(...failures: Error[]): { attempt: () => Promise<Socket>; socket: Socket; count: () => number } {
  const socket = new Socket();
  let count = 0;
  const attempt = (): Promise<Socket> => {
    const failure = failures[count++];
    return failure === undefined ? Promise.resolve(socket) : Promise.reject(failure);
  };
  return { attempt, socket, count: () => count };
}

/** The path of a socket that nobody listens on. */
async function stalePath(): Promise<string> {
  const directory = await freshDirectory();
  const server = createServer().listen(`${directory}/bound`);
  await once(server, 'listening');
  await link(`${directory}/bound`, `${directory}/stale`);
  server.close();
  await once(server, 'close');
  return `${directory}/stale`;
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
  it('resolves with what an attempt does', async () => {
    const { attempt, socket } = attempts();
    expect(await dialWith(attempt, new Operation('test'), noWait)).toBe(socket);
  });

  it.each(['ENOENT', 'ECONNREFUSED'])('tries again after %s while it waits', async (errno) => {
    const { attempt, count } = attempts(systemError(errno), systemError(errno));
    await dialWith(attempt, new Operation('test'), options);
    expect(count()).toBe(3);
  });

  it.each(['ENOENT', 'ECONNREFUSED'])('rejects with %s when it does not wait', async (errno) => {
    const { attempt } = attempts(systemError(errno));
    await expect(dialWith(attempt, new Operation('test'), noWait)).rejects.toMatchObject({ code: errno });
  });

  it('tries again after EAGAIN, a full backlog, though it does not wait', async () => {
    const { attempt, count } = attempts(...Array.from({ length: 8 }, () => systemError('EAGAIN')));
    await dialWith(attempt, new Operation('test'), noWait);
    expect(count()).toBe(9);
  });

  it('tries again less and less often after EAGAIN', async () => {
    const { attempt } = attempts(...Array.from({ length: 8 }, () => systemError('EAGAIN')));
    const begun = performance.now();
    await dialWith(attempt, new Operation('test'), noWait);
    // At least half of 1 + 2 + 4 + … + 128 ms.
    expect(performance.now() - begun).toBeGreaterThan(100);
  });

  it('tries again at once after the first EAGAIN', async () => {
    const delays = [];
    for (let round = 0; round < 5; round++) {
      const begun = performance.now();
      await dialWith(attempts(systemError('EAGAIN')).attempt, new Operation('test'), noWait);
      delays.push(performance.now() - begun);
    }
    expect(Math.min(...delays)).toBeLessThan(50);
  });

  it('does not try a file again that is missing until it appears', async () => {
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

  it('tries a file that stays missing once more when the time is over', async () => {
    const { attempt, count } = attempts(...Array.from({ length: 50 }, () => systemError('ENOENT')));
    // Longer than the pause between attempts at a file that is there and stale.
    const dialling = dialWith(attempt, new Operation('test'), { waitMs: 120, retryMs: 1, path: await freshPath() });
    await expect(dialling).rejects.toMatchObject({ code: 'ENOENT' });
    expect(count()).toBe(2);
  });

  it.runIf(process.platform === 'linux')('leaves no watch when it is given up after a long wait', async () => {
    const path = await freshPath();
    const before = watches();
    const operation = new Operation('test');
    const dialling = rejectionOf(dialWith(attempts(systemError('ENOENT')).attempt, operation, { ...options, path }));
    await vi.waitUntil(() => watches().length > before.length, { timeout: 10_000 });
    operation.cancel(new TransportError('CLOSED', 'x'));
    await dialling;
    expect(watches()).toEqual(before);
  });

  it('tries a new file that refuses often, whose maker may be about to listen, and an old one seldom', async () => {
    const path = await freshPath();
    await writeFile(path, '');
    const counts = [];
    for (const each of [path, process.execPath]) {
      const { attempt, count } = attempts(...Array.from({ length: 200 }, () => systemError('ECONNREFUSED')));
      const dialling = dialWith(attempt, new Operation('test'), { waitMs: 45, retryMs: 1, path: each });
      await expect(dialling).rejects.toMatchObject({ code: 'ECONNREFUSED' });
      counts.push(count());
    }
    // At once, again to know what the file was like before an attempt, and when the time is up.
    expect(counts[1]).toBe(3);
    expect(counts[0]).toBeGreaterThan(3);
  });

  it.each(['EACCES', 'EMFILE', 'ENOTFOUND', 'EINVAL'])('rejects with %s however long it waits', async (errno) => {
    const { attempt, count } = attempts(systemError(errno));
    await expect(dialWith(attempt, new Operation('test'), options)).rejects.toMatchObject({ code: errno });
    expect(count()).toBe(1);
  });

  it('rejects with what the operation is given up with while it waits', async () => {
    const operation = new Operation('test');
    const error = new TransportError('CLOSED', 'x');
    const failing = (): Promise<Socket> => Promise.reject(systemError('ENOENT'));
    const dialling = rejectionOf(dialWith(failing, operation, { waitMs: 60_000, retryMs: 60_000 }));
    await new Promise((resolve) => setImmediate(resolve));
    operation.cancel(error);
    expect(await dialling).toBe(error);
  });

  it('rejects with what the operation was given up with rather than with an error that came of it', async () => {
    const operation = new Operation('test');
    const error = new TransportError('CLOSED', 'x');
    const attempt = (): Promise<Socket> => {
      operation.cancel(error);
      return Promise.reject(systemError('EACCES'));
    };
    expect(await rejectionOf(dialWith(attempt, operation, options))).toBe(error);
  });

  it('remembers the latest failure for a time-out', async () => {
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

/** An operation that counts the listeners which are added to it and not removed. */
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

  it('resolves with a connected socket that has none of its listeners left', async () => {
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

  it('rejects NOT_A_SOCKET for a regular file', async () => {
    const path = await freshPath();
    await writeFile(path, 'x');
    expect(await rejectionOf(connectSocket({ path }, context))).toMatchObject({
      code: 'NOT_A_SOCKET',
      message: expect.stringContaining(path) as string,
      cause: { code: 'ECONNREFUSED' },
    });
  });

  it('rejects NOT_A_SOCKET for a link to a regular file', async () => {
    const directory = await freshDirectory();
    await writeFile(`${directory}/file`, 'x');
    await symlink(`${directory}/file`, `${directory}/link`);
    expect((await rejectionOf(connectSocket({ path: `${directory}/link` }, context))).code).toBe('NOT_A_SOCKET');
  });

  it('rejects with the system error for a stale socket', async () => {
    await expect(connectSocket({ path: await stalePath() }, context)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('rejects with the system error for a stale socket that has gone when it looks what it was', async () => {
    const path = await stalePath();
    // The kernel has refused it when `connectSocket` returns.
    const connecting = connectSocket({ path }, context);
    unlinkSync(path);
    await expect(connecting).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('rejects PATH_TOO_LONG in place of connecting to what a path is cut off to', async () => {
    const path = `${await freshDirectory()}/${'x'.repeat(socketPathLimitBytes)}`;
    expect((await rejectionOf(connectSocket({ path }, context))).code).toBe('PATH_TOO_LONG');
  });

  it('rejects with the system error where nothing is', async () => {
    await expect(connectSocket({ path: await freshPath() }, context)).rejects.toMatchObject({ code: 'ENOENT' });
    expect(operation.listeners).toBe(0);
  });

  it('rejects with the reason of an operation that was given up beforehand', async () => {
    const givenUp = new Operation('test');
    givenUp.cancel(enough);
    await expect(connectSocket({ path: '/nowhere' }, contextOf(givenUp))).rejects.toBe(enough);
  });

  it('rejects with the reason of an operation that is given up meanwhile, and leaves no socket', async () => {
    const path = await freshPath();
    const accepted: Socket[] = [];
    const server = createServer((socket) => accepted.push(socket.resume())).listen(path);
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    const meanwhile = new Operation('test');
    const connecting = connectSocket({ path }, contextOf(meanwhile));
    meanwhile.cancel(enough);
    await expect(connecting).rejects.toBe(enough);
    await vi.waitFor(() => {
      expect(accepted[0]?.closed).toBe(true);
    });
  });
});

it('a listener that goes while the connection is in its backlog counts as one that refuses', async () => {
  const path = await freshPath();
  const server = createServer().listen({ path, exclusive: true });
  await once(server, 'listening');
  // The kernel has accepted it when `connectSocket` returns; neither side has looked yet.
  const attempt = rejectionOf(connectSocket({ path }, contextOf(new Operation('test'))));
  server.close();
  const error = await attempt;
  expect(error.code).toBe('CONNECTION_REFUSED');
  expect(error.cause).toMatchObject({ code: 'ECONNRESET' });
});
