import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import type { Transport } from '@rpcplugin/transport-core';
import { rejectsWith } from '../fixture.js';
import type { Fixture } from '../fixture.js';
import { echo, echoes } from '../streams.js';
import { turns, TURNS } from '../waiting.js';
import type { CaseDefinition } from './definition.js';

export const listenAbortCases: readonly CaseDefinition[] = [
  {
    requirement: 'L6',
    title: 'rejects listen with ABORTED for an aborted signal and binds nothing',
    async run(fixture) {
      await fixture.leavesNothing(async () => {
        const transport = await fixture.create();
        await rejectsWith(transport.listen({ signal: AbortSignal.abort() }), 'ABORTED');
        assert.equal(transport.endpoint, undefined);
      });
    },
  },
  {
    requirement: 'L6',
    title: 'rejects a pending listen with ABORTED and the reason of the abort as cause',
    async run(fixture) {
      const controller = new AbortController();
      const reason = new Error('changed my mind');
      const listening = rejectsWith((await fixture.create()).listen({ signal: controller.signal }), 'ABORTED');
      controller.abort(reason);
      assert.equal((await listening).cause, reason);
    },
  },
  {
    requirement: 'L6',
    title: 'leaves a listener or nothing when listen is aborted at any moment',
    async run(fixture) {
      await fixture.leavesNothing(async () => {
        for (let turn = 0; turn < TURNS; turn++) {
          const controller = new AbortController();
          const transport = await fixture.create();
          const outcome = transport.listen({ signal: controller.signal }).then(
            () => 'listening',
            (error: unknown) => (error as { code?: string }).code,
          );
          await turns(turn);
          controller.abort();
          await expectListenerOrNothing(fixture, transport, await outcome, 'ABORTED');
          await transport.close();
        }
      });
    },
  },
  {
    requirement: 'L6',
    title: 'leaves nothing behind when closed at any moment of a listen',
    async run(fixture) {
      await fixture.leavesNothing(async () => {
        for (let turn = 0; turn < TURNS; turn++) {
          const transport = await fixture.create();
          const outcome = transport.listen().then(
            () => 'listening',
            (error: unknown) => (error as { code?: string }).code,
          );
          await turns(turn);
          // A transport with one connection has it as soon as it listens, to a peer that does not end it.
          await transport.close({ graceMs: 0 });
          assert.ok(
            ['listening', 'CLOSED'].includes((await outcome) ?? ''),
            `listen ended with ${String(await outcome)}`,
          );
        }
      });
    },
  },
  {
    requirement: 'L6',
    title: 'listens again after an aborted listen',
    async run(fixture) {
      const transport = await fixture.create();
      const controller = new AbortController();
      const aborted = rejectsWith(transport.listen({ signal: controller.signal }), 'ABORTED');
      controller.abort();
      await aborted;
      assert.ok(await fixture.canConnect(await transport.listen()), 'the endpoint accepts no connection');
    },
  },
  {
    requirement: 'L6',
    title: 'ignores the signal once listen has resolved',
    async run(fixture) {
      const controller = new AbortController();
      const listener = await fixture.create();
      const endpoint = await listener.listen({ onConnection: echo, signal: controller.signal });
      assert.deepEqual(getEventListeners(controller.signal, 'abort'), []);
      controller.abort();
      await turns(TURNS);
      assert.ok(await echoes(await fixture.dial(endpoint)), 'the echo did not come back');
    },
  },
];

async function expectListenerOrNothing(
  fixture: Fixture,
  transport: Transport,
  outcome: string | undefined,
  code: string,
): Promise<void> {
  if (outcome === 'listening') {
    assert.ok(await fixture.canConnect(transport.endpoint ?? ''), 'nothing listens');
    return;
  }
  assert.equal(outcome, code);
  assert.equal(transport.endpoint, undefined);
  assert.deepEqual(await fixture.leftovers(), []);
}
