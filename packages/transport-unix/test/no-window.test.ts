import { join } from 'node:path';
import { freshDirectory, isRoot, otherUser, startControlled } from '@rpcplugin/test-support';
import type { Inquiry } from '@rpcplugin/test-support';
import { describe, expect, it, onTestFinished } from 'vitest';
import { roundsBeside } from './beside.js';
import { bundleChild } from './bundle.js';
import type { Sightings } from './children/watcher.js';
import { startProcess, startThread } from './racers.js';
import { otherGroup } from './support.js';

const LISTENS = 100;
const racer = bundleChild('racer');
/** A program of another user that polls a path and reports what it saw. */
const watcher = bundleChild('watcher');
const group = await otherGroup();

describe.runIf(isRoot && group !== undefined)('another user, while sockets come and go under umask 0', () => {
  const { gid } = group ?? { gid: -1 };

  it.each([
    { by: 'a process', mode: 0o600, start: startProcess },
    { by: 'a process', mode: 0o660, start: startProcess },
    { by: 'a worker thread', mode: 0o600, start: startThread },
    { by: 'a worker thread', mode: 0o660, start: startThread },
  ])(
    'sees no socket of $by with another mode than $mode or another group, and cannot connect',
    async ({ mode, start }) => {
      // A worker thread cannot set the umask of its process.
      const umask = process.umask(0);
      onTestFinished(() => void process.umask(umask));
      const directory = await freshDirectory(0o755);
      const listener = await start(racer);
      const command = [process.execPath, watcher, directory, 'p.sock'] as const;
      const watching = await startControlled<Inquiry, Sightings>(command, otherUser);
      const path = join(directory, 'p.sock');
      const isWatching = ({ looks }: Sightings): boolean => looks > LISTENS;
      const { connected, seen } = await roundsBeside(watching, isWatching, LISTENS, async () => {
        expect(await listener.ask({ listen: { path, mode, group: gid } })).toBe(`unix:${path}`);
        await listener.ask('close');
      });
      expect(seen).toEqual([`${mode.toString(8)}:${gid}`]);
      expect(connected).toEqual([]);
    },
  );
});
