import assert from 'node:assert/strict';
import { rejectsWith } from '../fixture.js';
import type { Fixture } from '../fixture.js';
import { NEVER_MS, turns, TURNS } from '../waiting.js';
import type { CaseDefinition } from './definition.js';

export const closePendingCases: readonly CaseDefinition[] = [
  {
    requirement: 'X4',
    title: 'rejects a pending listen with CLOSED and leaves nothing behind',
    async run(fixture) {
      await fixture.leavesNothing(async () => {
        const transport = await fixture.create();
        const listening = rejectsWith(transport.listen(), 'CLOSED');
        await transport.close();
        await listening;
      });
    },
  },
  {
    requirement: 'X4',
    title: 'rejects a connect that waits for its endpoint with CLOSED and leaves nothing behind',
    needsAddress: true,
    async run(fixture) {
      const endpoint = await fixture.unusedEndpoint();
      await expectClosed(fixture, endpoint);
    },
  },
  {
    requirement: 'X4',
    title: 'rejects a connect to a listener that does not answer with CLOSED and leaves nothing behind',
    needs: ['stuck'],
    async run(fixture) {
      await expectClosed(fixture, await fixture.stuck());
    },
  },
  {
    requirement: 'X4',
    title: 'rejects a connect with CLOSED or destroys its connection when closed at any moment',
    needsAddress: true,
    async run(fixture) {
      const { endpoint } = await fixture.echoServer();
      for (let turn = 0; turn < TURNS; turn++) {
        const dialer = await fixture.create();
        const outcome = dialer.connect(endpoint).then(
          (connection) => connection,
          (error: unknown) => (error as { code?: string }).code,
        );
        await turns(turn);
        await dialer.close();
        const connection = await outcome;
        if (typeof connection === 'object') assert.ok(connection.destroyed, 'the connection is still open');
        else assert.equal(connection, 'CLOSED');
      }
    },
  },
  ...(['during', 'after'] as const).map((state): CaseDefinition => ({
    requirement: 'X4',
    title: `rejects listen and connect with CLOSED ${state} close`,
    async run(fixture) {
      const { endpoint } = await fixture.echoServer();
      const { listener } = await fixture.stubbornPair();
      const closing = listener.close({ graceMs: 50 });
      if (state === 'after') await closing;
      await rejectsWith(listener.listen(), 'CLOSED');
      await rejectsWith(listener.connect(endpoint), 'CLOSED');
      await closing;
    },
  })),
  {
    requirement: 'X4',
    title: 'has no endpoint after close',
    async run(fixture) {
      const { listener, dialer } = await fixture.pair();
      await Promise.all([listener.close(), dialer.close()]);
      assert.deepEqual([listener.endpoint, dialer.endpoint], [undefined, undefined]);
    },
  },
];

async function expectClosed(fixture: Fixture, endpoint: string): Promise<void> {
  await fixture.leavesNothing(async () => {
    const dialer = await fixture.create();
    const connecting = rejectsWith(dialer.connect(endpoint, { waitMs: NEVER_MS, timeoutMs: NEVER_MS }), 'CLOSED');
    await turns(5);
    await dialer.close();
    await connecting;
  });
}
