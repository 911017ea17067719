import assert from 'node:assert/strict';
import { rejectionOf } from '../fixture.js';
import { runElsewhere } from '../other-process.js';
import { connected } from '../streams.js';
import type { CaseDefinition } from './definition.js';

export const closeLeftoverCases: readonly CaseDefinition[] = [
  {
    requirement: 'X3',
    title: 'leaves nothing behind after a listener and a dialer close',
    async run(fixture) {
      await fixture.leavesNothing(async () => {
        const { listener, dialer, near, far } = await fixture.pair();
        assert.ok(await connected(near, far), 'the data did not arrive');
        await Promise.all([listener.close(), dialer.close()]);
      });
    },
  },
  {
    requirement: 'X3',
    title: 'leaves nothing behind after it destroys connections',
    async run(fixture) {
      await fixture.leavesNothing(async () => {
        const { listener, peer } = await fixture.stubbornPair();
        await listener.close({ graceMs: 0 });
        peer.destroy();
      });
    },
  },
  {
    requirement: 'X3',
    title: 'leaves nothing behind after a failed connect',
    needsAddress: true,
    async run(fixture) {
      const endpoints = await Promise.all(fixture.absences().map(async ({ make }) => make()));
      await fixture.leavesNothing(async () => {
        const dialer = await fixture.create();
        for (const endpoint of endpoints) await rejectionOf(dialer.connect(endpoint, { waitMs: 20 }));
        await dialer.close();
      });
    },
  },
  {
    requirement: 'X3',
    title: 'leaves nothing behind in a process, which exits by itself',
    needs: ['module'],
    async run(fixture) {
      assert.equal(await runElsewhere(fixture.capability('module'), 'lifecycle'), '[]');
    },
  },
];
