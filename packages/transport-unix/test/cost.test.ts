import { createServer } from 'node:net';
import { join } from 'node:path';
import { closeServer, freshDirectory, listening, staleSocketAt } from '@rpcplugin/test-support';
import { expect, it } from 'vitest';
import { UnixSocketTransport } from '../src/index.js';

const ROUNDS = 100;

/** How long each of these takes, in milliseconds, round by round. */
interface Times {
  readonly plain: number[];
  readonly free: number[];
  readonly stale: number[];
}

async function timed(action: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await action();
  return performance.now() - started;
}

async function timedListen(path: string): Promise<number> {
  await using transport = new UnixSocketTransport({ path });
  return await timed(() => transport.listen());
}

// An idle machine takes 0.09 ms for a plain socket, 0.4 ms for a free path and 0.75 ms for a stale one. Both limits leave
// room for other work: it takes caches, and its sockets are in /proc/net/unix too. The quickest of many rounds was not
// interrupted by it.
it('a listen takes less than 10 times as long as a plain one, and less than 20 times at a stale socket', async () => {
  const directory = await freshDirectory();
  const times: Times = { plain: [], free: [], stale: [] };
  for (let round = 0; round < ROUNDS; round++) {
    const path = join(directory, `${round}`);
    const server = createServer();
    times.plain.push(await timed(() => listening(server, { path })));
    await closeServer(server);
    times.free.push(await timedListen(`${path}-free`));
    await staleSocketAt(`${path}-stale`);
    times.stale.push(await timedListen(`${path}-stale`));
  }
  const plain = Math.min(...times.plain);
  expect(Math.min(...times.free)).toBeLessThan(10 * plain);
  expect(Math.min(...times.stale)).toBeLessThan(20 * plain);
});
