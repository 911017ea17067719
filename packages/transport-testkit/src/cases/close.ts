import assert from 'node:assert/strict';
import { rejectionOf, rejectsWith } from '../fixture.js';
import { echoes } from '../streams.js';
import { durationWithin, NEVER_MS, turns, until } from '../waiting.js';
import type { CaseDefinition } from './definition.js';

export const closeCases: readonly CaseDefinition[] = [
  {
    requirement: 'X1',
    title: 'allows a second close and a close of an unused transport',
    async run(fixture) {
      const { listener } = await fixture.pair();
      await listener.close({ graceMs: 0 });
      await listener.close();
      await (await fixture.create()).close();
    },
  },
  {
    requirement: 'X1',
    title: 'allows close inside a handler',
    async run(fixture) {
      const listener = await fixture.create();
      let closing: Promise<void> | undefined;
      const endpoint = await listener.listen({
        onConnection: () => {
          closing = listener.close();
          return closing;
        },
      });
      (await fixture.dial(endpoint)).resume();
      await until(() => closing !== undefined);
      await closing;
      assert.equal(listener.endpoint, undefined);
    },
  },
  {
    requirement: 'X1',
    title: 'keeps all concurrent callers waiting until the last connection ends',
    async run(fixture) {
      const { listener, far } = await fixture.stubbornPair();
      const outcomes = [0, 1, 2].map(() => listener.close({ graceMs: 100 }).then(() => far.destroyed));
      assert.deepEqual(await Promise.all(outcomes), [true, true, true]);
    },
  },
  ...[NEVER_MS, Infinity].map((graceMs): CaseDefinition => ({
    requirement: 'X1',
    title: `lets a later close shorten a graceMs of ${graceMs}`,
    async run(fixture) {
      const { listener } = await fixture.stubbornPair();
      const first = listener.close({ graceMs });
      await turns(5);
      await durationWithin(50, 'close', () => Promise.all([first, listener.close({ graceMs: 50 })]));
    },
  })),
  {
    requirement: 'X1',
    title: 'does not let a later close lengthen the grace period',
    async run(fixture) {
      const { listener } = await fixture.stubbornPair();
      await durationWithin(50, 'close', () => {
        const first = listener.close({ graceMs: 50 });
        return Promise.all([first, listener.close({ graceMs: NEVER_MS }), listener.close()]);
      });
    },
  },
  {
    requirement: 'X1',
    title: 'rejects an invalid graceMs with INVALID_ARGUMENT and closes nothing',
    async run(fixture) {
      const { listener, endpoint } = await fixture.echoServer();
      await rejectsWith(listener.close({ graceMs: -1 }), 'INVALID_ARGUMENT');
      assert.ok(await echoes(await fixture.dial(endpoint)), 'the echo did not come back');
    },
  },
];

export const disposeCases: readonly CaseDefinition[] = [
  {
    requirement: 'X5',
    title: 'closes at the end of an `await using` block, even if the block throws',
    needsAddress: true,
    async run(fixture) {
      let escaped: string | undefined;
      const failing = async (): Promise<void> => {
        await using transport = await fixture.create();
        escaped = await transport.listen();
        throw new Error('from the block');
      };
      assert.equal(((await rejectionOf(failing())) as Error).message, 'from the block');
      assert.equal(await fixture.canConnect(escaped ?? ''), false);
    },
  },
];
