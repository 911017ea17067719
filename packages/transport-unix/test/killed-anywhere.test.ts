import { join } from 'node:path';
import { entriesOf, freshDirectory, isStress, settlesWithin, staleSocketAt } from '@rpcplugin/test-support';
import { expect, it, vi } from 'vitest';
import type { UnixSocketTransportOptions } from '../src/index.js';
import { startConfined } from './confined.js';
import { transport } from './support.js';
import type { TransportChild } from './support.js';
import { all, callsDuring, changing, traceCalls, untilSwept } from './traced.js';

/** In the suite, only calls that change something: what a kill leaves is the same at those in between. */
const calls = isStress ? all : changing;

/** The socket, its staging directory, and in there the lock, the new socket and the stale one. */
const MOST_LEFTOVERS = 5;

async function cycle(child: TransportChild, options: UnixSocketTransportOptions): Promise<void> {
  const { error } = await child.ask({ do: 'listen', options });
  expect(error).toBeUndefined();
  expect(await child.ask({ do: 'close' })).toEqual({});
}

it.each<{ listen: string; isStale?: boolean; optionsIn: (directory: string) => UnixSocketTransportOptions }>([
  { listen: 'at a path', optionsIn: (directory) => ({ path: join(directory, 'p.sock') }) },
  {
    listen: 'at the path of a stale socket',
    isStale: true,
    optionsIn: (directory) => ({ path: join(directory, 'p.sock') }),
  },
  { listen: 'automatically', optionsIn: () => ({}) },
])(
  'listen $listen succeeds at once and cleans up after a process killed before any system call of listen or close',
  { timeout: 300_000 },
  async ({ isStale = false, optionsIn }) => {
    const directory = await freshDirectory();
    vi.stubEnv('XDG_RUNTIME_DIR', directory);
    const options = optionsIn(directory);
    const start = async (): Promise<TransportChild> => {
      if (isStale) await staleSocketAt(join(directory, 'p.sock'));
      return startConfined([]);
    };
    const first = await start();
    const places = await callsDuring(first, calls, () => cycle(first, options));
    expect(places.length).toBeGreaterThan(6);
    for (const { name, count } of places) {
      const child = await start();
      await traceCalls(child, [name], `${name}:signal=KILL:when=${count}`);
      await expect(cycle(child, options)).rejects.toThrow('ended with SIGKILL');
      const left = await entriesOf(directory);
      expect(left.length, `${name} ${count}: ${left.join()}`).toBeLessThanOrEqual(MOST_LEFTOVERS);
      const next = transport(options);
      const listening = next.listen();
      expect(await settlesWithin(1000, listening), name).toBe(true);
      const endpoint = await listening;
      await transport().connect(endpoint, { waitMs: 0 });
      await untilSwept(directory, endpoint);
      await next.close();
      expect(await entriesOf(directory)).toEqual([]);
    }
  },
);
