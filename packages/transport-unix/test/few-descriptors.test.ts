import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { exhaustDescriptors, freshDirectory, recoverDescriptors, staleSocketAt } from '@rpcplugin/test-support';
import { errorCodeOf } from '@rpcplugin/transport-base';
import { expect, it, onTestFinished } from 'vitest';
import type { UnixSocketTransportOptions } from '../src/index.js';
import { otherGroup, transport } from './support.js';

const group = (await otherGroup())?.name;

it.each<{ where: string; options?: UnixSocketTransportOptions; isStale?: boolean }>([
  { where: 'at a new path' },
  { where: 'at the path of a stale socket', isStale: true },
  ...(group === undefined ? [] : [{ where: 'for a group by name', options: { group } }]),
])('however few descriptors are left, listen $where resolves or rejects with RESOURCE_EXHAUSTED', async (how) => {
  onTestFinished(recoverDescriptors);
  const outcomes: unknown[] = [];
  do {
    const directory = await freshDirectory();
    const path = join(directory, 'p.sock');
    if (how.isStale === true) await staleSocketAt(path);
    const before = await readdir(directory);
    const listening = transport({ ...how.options, path });
    exhaustDescriptors({ leave: outcomes.length });
    const outcome = await listening.listen().then(() => 'listening', errorCodeOf);
    recoverDescriptors();
    outcomes.push(outcome);
    if (outcome !== 'listening') expect(await readdir(directory)).toEqual(before);
    await listening.close();
  } while (outcomes.at(-1) !== 'listening');
  expect(outcomes.length).toBeGreaterThan(2);
  expect(new Set(outcomes.slice(0, -1))).toEqual(new Set(['RESOURCE_EXHAUSTED']));
});
