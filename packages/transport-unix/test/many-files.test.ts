import { execFileSync } from 'node:child_process';
import { linkSync, readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { freshDirectory, limitDescriptors, pathOf, sharedDirectory, staleSocketAt } from '@rpcplugin/test-support';
import { describe, expect, it } from 'vitest';
import type { UnixSocketTransportOptions } from '../src/index.js';
import { startRepeater } from './isolated.js';
import type { Repeater } from './isolated.js';

const LEFTOVERS = 3000;
const FILES = 20_000;
/** Far more than the few milliseconds that it takes, and far less than all of the leftovers at once. */
const LONG_TURN_MS = 100;

/** How many times longer listen may take, on a machine that others use as well. */
const MAX_SLOWDOWN = 3;

/** How many times longer the listens of one process take than those of another one. */
async function slowdown(
  [slow, fast]: [Repeater, Repeater],
  [slowOptions, fastOptions]: [UnixSocketTransportOptions, UnixSocketTransportOptions] = [{}, {}],
): Promise<number> {
  // In turns, so that both run on the same machine. The first loads code.
  const timed: [number[], number[]] = [[], []];
  for (let round = 0; round < 20; round++) {
    timed[0].push((await slow.ask({ do: 'repeat', times: 1, options: slowOptions })).listenMs);
    timed[1].push((await fast.ask({ do: 'repeat', times: 1, options: fastOptions })).listenMs);
  }
  const [slowMs, fastMs] = timed.map(median) as [number, number];
  return slowMs / fastMs;
}

function median(numbers: number[]): number {
  return [...numbers].sort((one, other) => one - other)[Math.floor(numbers.length / 2)] ?? NaN;
}

/** Creates a private directory in a temp directory with the sockets that dead processes left. */
async function leaveSockets(directory: string): Promise<string> {
  const env = { TMPDIR: directory, XDG_RUNTIME_DIR: '' };
  const child = await startRepeater(undefined, { env });
  const socket = pathOf((await child.ask({ do: 'listen', options: {} })).outcome);
  await child.kill();
  await staleSocketAt(join(directory, 'stale'));
  const left = dirname(socket);
  const dead = basename(socket).split('-').slice(0, -1);
  for (let i = 0; i < LEFTOVERS; i++) {
    // Names of processes beyond the maximum process ID of Linux. A random part may contain dashes.
    const name = ['plugin', dead[1], 4_194_305 + i, 4_194_305 + i, 1, `${i}`.padStart(12, 'x')].join('-');
    linkSync(join(directory, 'stale'), join(left, name));
  }
  return left;
}

describe(`with ${LEFTOVERS} leftovers in the private directory`, () => {
  async function startAmongLeftovers(limit: number): Promise<{ child: Repeater; left: string }> {
    const directory = await freshDirectory();
    const left = await leaveSockets(directory);
    const child = await startRepeater((command) => limitDescriptors(limit, command), {
      env: { TMPDIR: directory, XDG_RUNTIME_DIR: '' },
    });
    return { child, left };
  }

  it('they go away over several starts, with few descriptors, while the event loop turns', async () => {
    const { child, left } = await startAmongLeftovers(64);
    let starts = 0;
    for (let before = Infinity, now = readdirSync(left).length; now > 0; starts++) {
      expect(now).toBeLessThan(before);
      const { failures, longestTurnMs } = await child.ask({ do: 'repeat', times: 1, turns: 300 });
      expect(failures).toEqual([]);
      expect(longestTurnMs).toBeLessThan(LONG_TURN_MS);
      // The last listener removes the directory.
      before = now;
      now = readdirSync(dirname(left)).includes(basename(left)) ? readdirSync(left).length : 0;
    }
    expect(starts).toBeGreaterThan(1);
  });

  it('they do not delay listen', async () => {
    const { child } = await startAmongLeftovers(64);
    const other = await startRepeater(undefined, { env: { TMPDIR: await freshDirectory(), XDG_RUNTIME_DIR: '' } });
    expect(await slowdown([child, other])).toBeLessThan(MAX_SLOWDOWN);
  });
});

describe(`with ${FILES} files`, () => {
  const crowded = sharedDirectory();
  execFileSync('perl', [
    '-e',
    `for (1..${FILES}) { open(F, '>', "$ARGV[0]/rpcplugin-$_") or die $!; close F }`,
    crowded,
  ]);

  it('beside the socket, listen takes no longer', async () => {
    const [child, other] = await Promise.all([startRepeater(), startRepeater()]);
    const path = join(await freshDirectory(), 'p.sock');
    const ratio = await slowdown([child, other], [{ path: join(crowded, 'p.sock') }, { path }]);
    expect(ratio).toBeLessThan(MAX_SLOWDOWN);
  });

  it('in the temp directory, an automatic listen takes no longer', async () => {
    const [child, other] = await Promise.all([
      startRepeater(undefined, { env: { TMPDIR: crowded, XDG_RUNTIME_DIR: '' } }),
      startRepeater(undefined, { env: { TMPDIR: await freshDirectory(), XDG_RUNTIME_DIR: '' } }),
    ]);
    expect(await slowdown([child, other])).toBeLessThan(MAX_SLOWDOWN);
  });
});
