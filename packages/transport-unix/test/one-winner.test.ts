import { readdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { freshDirectory, roundsOr, staleSocketAt } from '@rpcplugin/test-support';
import { expect, it } from 'vitest';
import { bundleChild } from './bundle.js';
import { startClusterWorker, startProcess, startThread } from './racers.js';
import { transport } from './support.js';

const rounds = roundsOr(12);
const RACERS = 16;
const file = bundleChild('racer');

/** Connects to a path repeatedly and collects the failures after the first success. */
function watchPath(path: string): { stop(): Promise<string[]> } {
  const failures: string[] = [];
  const stopping = new AbortController();
  const watching = (async () => {
    for (let reached = false; !stopping.signal.aborted;) {
      const failure = await tryConnect(path);
      if (failure === undefined) reached = true;
      else if (reached) failures.push(failure);
    }
  })();
  return {
    stop: async () => {
      stopping.abort();
      await watching;
      return failures;
    },
  };
}

/** Connects and disconnects. Returns the error code if that fails. */
function tryConnect(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(undefined);
    });
    socket.on('error', ({ code }: NodeJS.ErrnoException) => {
      // Only a live socket has a full backlog.
      resolve(code === 'EAGAIN' ? undefined : code);
    });
  });
}

it.each([
  { kind: 'processes', start: startProcess, share: 1 },
  { kind: 'worker threads', start: startThread, share: 0.2 },
  { kind: 'cluster workers', start: startClusterWorker, share: 0.2 },
])(
  `one of ${RACERS} concurrent $kind gets the path and keeps it, with or without a stale socket`,
  { timeout: 60_000 + rounds * 500 },
  async ({ start, share }) => {
    const directory = await freshDirectory();
    const path = join(directory, 'p.sock');
    const racers = await Promise.all(Array.from({ length: RACERS }, () => start(file)));
    for (let round = 0; round < rounds * share; round++) {
      if (round % 4 > 0) await staleSocketAt(path);
      const watch = watchPath(path);
      const outcomes = await Promise.all(racers.map((racer) => racer.ask({ listen: { path } })));
      const winner = racers[outcomes.indexOf(`unix:${path}`)];
      expect([...outcomes].sort()).toEqual([...Array<string>(RACERS - 1).fill('ADDRESS_IN_USE'), `unix:${path}`]);
      expect(await tryConnect(path)).toBeUndefined();
      expect(await watch.stop()).toEqual([]);
      await winner?.ask('close');
      expect(await readdir(directory)).toEqual([]);
    }
  },
);

it('one of 8 concurrent transports in a process gets the path', async () => {
  const directory = await freshDirectory();
  const path = join(directory, 'p.sock');
  for (let round = 0; round < 20; round++) {
    await staleSocketAt(path);
    const transports = Array.from({ length: 8 }, () => transport({ path }));
    const outcomes = await Promise.allSettled(transports.map((each) => each.listen()));
    const refusals = outcomes.filter((outcome) => outcome.status === 'rejected').map(({ reason }) => reason as unknown);
    expect(refusals).toHaveLength(7);
    for (const refusal of refusals) expect(refusal).toMatchObject({ code: 'ADDRESS_IN_USE' });
    await Promise.all(transports.map((each) => each.close({ graceMs: 0 })));
    expect(await readdir(directory)).toEqual([]);
  }
});
