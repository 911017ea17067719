import { link, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { freshDirectory, isRoot, plainListener, roundsOr } from '@rpcplugin/test-support';
import { describe, expect, it } from 'vitest';
import { startRepeater, unshare } from './isolated.js';
import type { Repeater } from './isolated.js';

const times = roundsOr(60);
const THREADS = 6;
const NAMESPACES = 4;

interface Place {
  readonly env: NodeJS.ProcessEnv;
  /** The number of connections that the other listeners there have got. */
  readonly strays: () => number;
}

/** A temp directory with plain listeners whose names look like leftovers. */
async function sharedPlace(): Promise<Place> {
  const directory = await freshDirectory();
  let strays = 0;
  const bound = join(directory, 'bound');
  await plainListener({ path: bound }, () => strays++);
  for (const name of [`rpcplugin-${process.geteuid?.() ?? ''}`, 'rpcplugin-4194305-abcdef']) {
    await mkdir(join(directory, name), { mode: 0o700 });
    for (const socket of ['plugin-abcdefghijkl', 'plugin-0123456789-4194305-4194305-1-abcdefghijkl', 's.sock']) {
      await link(bound, join(directory, name, socket));
    }
  }
  return { env: { TMPDIR: directory, XDG_RUNTIME_DIR: '' }, strays: () => strays };
}

describe('automatic listens at the same time in one temp directory', { timeout: 60_000 + times * 200 }, () => {
  async function expectNoFailure(repeaters: Repeater[], { strays }: Place, threads?: number): Promise<void> {
    const repetition = { do: 'repeat', times, ...(threads !== undefined && { threads }) } as const;
    const replies = await Promise.all(repeaters.map((repeater) => repeater.ask(repetition)));
    expect(replies.flatMap(({ failures }) => failures)).toEqual([]);
    expect(replies.reduce((sum, { connections }) => sum + connections, strays())).toBe(0);
  }

  it(`do not disturb each other or plain listeners in ${THREADS} worker threads`, async () => {
    const place = await sharedPlace();
    await expectNoFailure([await startRepeater(undefined, { env: place.env })], place, THREADS);
  });

  it.runIf(isRoot)(`do not disturb each other or plain listeners in ${NAMESPACES} PID namespaces`, async () => {
    const place = await sharedPlace();
    const starts = Array.from({ length: NAMESPACES }, () =>
      startRepeater((command) => unshare(['--pid'], command), { env: place.env }),
    );
    await expectNoFailure(await Promise.all(starts), place);
  });

  it.runIf(isRoot)('do not disturb each other in threads of several processes and PID namespaces', async () => {
    const place = await sharedPlace();
    const starts = [[], ['--pid'], ['--pid']].map((namespaces) =>
      startRepeater((command) => unshare(namespaces as '--pid'[], command), { env: place.env }),
    );
    await expectNoFailure(await Promise.all(starts), place, 2);
  });
});
