import assert from 'node:assert/strict';
import { rejectsWith } from '../fixture.js';
import { echo, echoes } from '../streams.js';
import type { CaseDefinition } from './definition.js';

export const listenConflictCases: readonly CaseDefinition[] = [
  {
    requirement: 'L4',
    title: 'rejects a second listen with ALREADY_LISTENING',
    async run(fixture) {
      const { listener } = await fixture.echoServer();
      await rejectsWith(listener.listen(), 'ALREADY_LISTENING');
    },
  },
  {
    requirement: 'L4',
    title: 'rejects a second listen with ALREADY_LISTENING while the first is pending',
    async run(fixture) {
      const listener = await fixture.create();
      const first = listener.listen();
      const second = rejectsWith(listener.listen(), 'ALREADY_LISTENING');
      await first;
      await second;
    },
  },
  {
    requirement: 'L4',
    title: 'keeps its endpoint and connections after a second listen',
    needsAddress: true,
    async run(fixture) {
      const { listener, endpoint } = await fixture.echoServer();
      const before = await fixture.dial(endpoint);
      await listener.listen({ onConnection: () => undefined }).catch(() => undefined);
      assert.equal(listener.endpoint, endpoint);
      assert.ok(await echoes(before), 'the echo did not come back');
      assert.ok(await echoes(await fixture.dial(endpoint)), 'the echo did not come back');
    },
  },
  {
    requirement: 'L5',
    title: 'rejects listen with ADDRESS_IN_USE for an address in use',
    needs: ['createAt'],
    async run(fixture) {
      const { endpoint } = await fixture.echoServer();
      await rejectsWith((await fixture.createAt(endpoint)).listen(), 'ADDRESS_IN_USE');
    },
  },
  {
    requirement: 'L5',
    title: 'leaves the holder of an address in use its name and its connections',
    needs: ['createAt'],
    async run(fixture) {
      const { endpoint } = await fixture.echoServer();
      const before = await fixture.dial(endpoint);
      const rival = await fixture.createAt(endpoint);
      await rejectsWith(rival.listen(), 'ADDRESS_IN_USE');
      await rival.close();
      assert.ok(await echoes(before), 'the echo did not come back');
      assert.ok(await echoes(await fixture.dial(endpoint)), 'the echo did not come back');
    },
  },
  {
    requirement: 'L5',
    title: 'rejects listen with ADDRESS_IN_USE when the holder is too busy to answer',
    needs: ['createAt', 'stuck'],
    async run(fixture) {
      await rejectsWith((await fixture.createAt(await fixture.stuck())).listen(), 'ADDRESS_IN_USE');
    },
  },
  {
    requirement: 'L5',
    title: 'gives an address to exactly one of many concurrent listeners',
    needs: ['createAt'],
    async run(fixture) {
      const endpoint = await fixture.unusedEndpoint();
      const rivals = await Promise.all(Array.from({ length: 8 }, () => fixture.createAt(endpoint)));
      const outcomes = await Promise.allSettled(rivals.map((rival) => rival.listen({ onConnection: echo })));
      const losers = outcomes.filter((outcome) => outcome.status === 'rejected');
      assert.equal(losers.length, rivals.length - 1);
      for (const { reason } of losers) assert.equal((reason as { code?: string }).code, 'ADDRESS_IN_USE');
      assert.ok(await echoes(await fixture.dial(endpoint)), 'the echo did not come back');
    },
  },
  {
    requirement: 'L5',
    title: 'leaves nothing behind when the address is in use',
    needs: ['createAt'],
    async run(fixture) {
      const { listener, endpoint } = await fixture.echoServer();
      await fixture.leavesNothing(async () => {
        await rejectsWith((await fixture.createAt(endpoint)).listen(), 'ADDRESS_IN_USE');
        await listener.close();
      });
    },
  },
];
