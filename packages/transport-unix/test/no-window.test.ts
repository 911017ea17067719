import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { bundle } from './bundle.js';
import type { Sightings } from './children/watcher.js';
import { startProcess, startThread } from './racers.js';
import { freshDirectory, isRoot, otherGroup, otherUser } from './support.js';

const LISTENS = 300;
const racer = bundle('racer');
const watcher = bundle('watcher');
const group = await otherGroup();

/** Another user who looks at a name all the time; `stop` says what there was to see. */
async function watchAsAnother(directory: string, name: string): Promise<{ stop(): Promise<Sightings> }> {
  const child = fork(watcher, [directory, name], otherUser);
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child, 'message');
  return {
    stop: async () => {
      child.send('stop');
      const [sightings] = (await once(child, 'message')) as [Sightings];
      return sightings;
    },
  };
}

describe.runIf(isRoot && group !== undefined)('while sockets come and go under a umask of 0, another user', () => {
  const { gid } = group ?? { gid: -1 };

  it.each([
    { by: 'a process', mode: 0o600, start: startProcess },
    { by: 'a process', mode: 0o660, start: startProcess },
    { by: 'a worker thread', mode: 0o600, start: startThread },
    { by: 'a worker thread', mode: 0o660, start: startThread },
  ])(
    'never sees one of $by with more than mode $mode or with another group, and never connects',
    async ({ mode, start }) => {
      // A thread can not set it: it belongs to the process.
      const umask = process.umask(0);
      onTestFinished(() => void process.umask(umask));
      const directory = await freshDirectory(0o755);
      const listener = await start(racer);
      const watch = await watchAsAnother(directory, 'p.sock');
      const path = join(directory, 'p.sock');
      for (let i = 0; i < LISTENS; i++) {
        expect(await listener.ask({ listen: { path, mode, group: gid } })).toBe(`unix:${path}`);
        await listener.ask('close');
      }
      const { connected, looks, seen } = await watch.stop();
      expect(looks).toBeGreaterThan(LISTENS);
      expect(seen).toEqual([`${mode.toString(8)}:${gid}`]);
      expect(connected).toEqual([]);
    },
  );
});
