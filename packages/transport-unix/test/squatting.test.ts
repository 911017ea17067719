import { join } from 'node:path';
import { freshDirectory, isRoot, otherUser, roundsOr, startControlled } from '@rpcplugin/test-support';
import type { Inquiry } from '@rpcplugin/test-support';
import { expect, it } from 'vitest';
import type { UnixSocketTransportOptions } from '../src/index.js';
import { roundsBeside } from './beside.js';
import { bundleChild } from './bundle.js';
import { startRepeater } from './isolated.js';

const rounds = roundsOr(40);
/** How many times longer listen may take, on a machine that others use as well. */
const MAX_SLOWDOWN = 3;

function median(times: number[]): number {
  return times.sort((one, other) => one - other)[Math.floor(times.length / 2)] ?? NaN;
}

function isTaking(names: number): boolean {
  return names > 0;
}

/** A program of another user that takes names and reports how many it got. */
const squatter = bundleChild('squatter');

it.runIf(isRoot).each(['file', 'directory', 'link'])(
  'another user who takes every name that it can, each with a %s, neither delays nor prevents listen',
  { timeout: 60_000 + rounds * 200 },
  async (kind) => {
    const shared = await freshDirectory(0o1777);
    const uid = process.geteuid?.() ?? '';
    const names = [`.rpcplugin-${uid}`, `rpcplugin-${uid}`, `rpcplugin-${uid}-${otherUser.gid}`];
    const paths = names.map((name) => join(shared, name));
    const squatting = await startControlled<Inquiry, number>([process.execPath, squatter, kind, ...paths], otherUser);
    const victim = await startRepeater(undefined, { env: { TMPDIR: shared, XDG_RUNTIME_DIR: '' } });
    const undisturbed = await freshDirectory();
    const other = await startRepeater(undefined, { env: { TMPDIR: undisturbed, XDG_RUNTIME_DIR: '' } });
    const times: number[] = [];
    const usualTimes: number[] = [];
    await roundsBeside(squatting, isTaking, rounds, async () => {
      for (const options of [{ path: 'p.sock' }, {}, { group: otherUser.gid }]) {
        const at = (directory: string): UnixSocketTransportOptions =>
          'path' in options ? { path: join(directory, options.path) } : options;
        const { failures, listenMs } = await victim.ask({ do: 'repeat', times: 1, options: at(shared) });
        expect(failures).toEqual([]);
        times.push(listenMs);
        usualTimes.push((await other.ask({ do: 'repeat', times: 1, options: at(undisturbed) })).listenMs);
      }
    });
    // A busy machine delays some.
    expect(median(times) / median(usualTimes)).toBeLessThan(MAX_SLOWDOWN);
  },
);
