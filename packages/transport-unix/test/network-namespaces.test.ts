import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { freshDirectory, isRoot, roundsOr, staleSocketAt, turns } from '@rpcplugin/test-support';
import { describe, expect, it } from 'vitest';
import { startRepeater, unshare } from './isolated.js';
import type { Namespaces, Repeater } from './isolated.js';

const rounds = roundsOr(60);

async function isReachable(path: string): Promise<boolean> {
  const socket = connect(path);
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** All listen at one path at the same time. Returns what is wrong with the outcomes. */
async function race(repeaters: Repeater[], path: string): Promise<string[]> {
  const replies = await Promise.all(
    repeaters.map((repeater) => repeater.ask({ do: 'listen', options: { path, mode: 0o600 } })),
  );
  const outcomes = replies.map(({ outcome }) => outcome).sort();
  const expected = [...Array<string>(repeaters.length - 1).fill('ADDRESS_IN_USE'), `unix:${path}`];
  const wrong = outcomes.join() === expected.join() && (await isReachable(path)) ? [] : [outcomes.join()];
  const closes = await Promise.all(repeaters.map((repeater) => repeater.ask({ do: 'close' })));
  wrong.push(...closes.map(({ outcome }) => outcome).filter((outcome) => outcome !== 'closed'));
  return wrong;
}

describe.runIf(isRoot).each<{ where: string; namespaces: Namespaces }>([
  { where: 'network namespaces', namespaces: ['--net'] },
  { where: 'network and PID namespaces', namespaces: ['--net', '--pid'] },
])('processes in different $where that share a directory', ({ namespaces }) => {
  const start = (): Promise<Repeater> => startRepeater((command) => unshare(namespaces, command));

  it.each([
    { file: 'no file', isStale: false },
    { file: 'a stale socket', isStale: true },
  ])('have one winner per path that has $file', { timeout: 60_000 + rounds * 500 }, async ({ isStale }) => {
    const directory = await freshDirectory();
    const path = join(directory, 'p.sock');
    const repeaters = await Promise.all([start(), start()]);
    const wrong: string[] = [];
    for (let round = 0; round < rounds; round++) {
      if (isStale) await staleSocketAt(path);
      wrong.push(...(await race(repeaters, path)));
      expect(await readdir(directory)).toEqual([]);
    }
    expect(wrong).toEqual([]);
  });

  it('recover when one is killed during listen or close', { timeout: 60_000 + rounds * 1000 }, async () => {
    const directory = await freshDirectory();
    const path = join(directory, 'p.sock');
    const survivor = await start();
    for (let round = 0; round < rounds / 25; round++) {
      const killed = await start();
      await killed.ask({ do: 'cycle', options: { path } });
      await turns(Math.random() * 40);
      await killed.kill();
      expect((await survivor.ask({ do: 'listen', options: { path } })).outcome).toBe(`unix:${path}`);
      expect(await isReachable(path)).toBe(true);
      expect((await survivor.ask({ do: 'close' })).outcome).toBe('closed');
      expect(await readdir(directory)).not.toContain('p.sock');
    }
  });
});
