import assert from 'node:assert/strict';
import { rejectsWith } from '../fixture.js';
import { closed, connected, echo, echoes } from '../streams.js';
import { NEVER_MS, turns, TURNS } from '../waiting.js';
import type { CaseDefinition } from './definition.js';

export const stopListeningCases: readonly CaseDefinition[] = [
  {
    requirement: 'X5',
    title: 'allows stopListening repeatedly, concurrently, without a listener and after close',
    needsAddress: true,
    async run(fixture) {
      const listener = await fixture.create();
      await listener.stopListening();
      const endpoint = await listener.listen();
      await Promise.all([listener.stopListening(), listener.stopListening()]);
      await listener.stopListening();
      assert.equal(await fixture.canConnect(endpoint), false);
      await listener.close();
      await listener.stopListening();
    },
  },
  {
    requirement: 'X5',
    title: 'listens again after stopListening',
    needsAddress: true,
    async run(fixture) {
      const listener = await fixture.create();
      await listener.listen();
      await listener.stopListening();
      assert.equal(listener.endpoint, undefined);
      assert.ok(await fixture.canConnect(await listener.listen()), 'the endpoint accepts no connection');
    },
  },
  {
    requirement: 'X5',
    title: 'releases the address on stopListening and leaves the next listener alone',
    needs: ['createAt'],
    async run(fixture) {
      const { listener, endpoint } = await fixture.echoServer();
      await listener.stopListening();
      assert.equal(await (await fixture.createAt(endpoint)).listen({ onConnection: echo }), endpoint);
      await listener.close();
      assert.ok(await echoes(await fixture.dial(endpoint)), 'the echo did not come back');
    },
  },
  {
    requirement: 'X5',
    title: 'keeps connections on stopListening and ends them on close',
    async run(fixture) {
      const { listener, near, far } = await fixture.pair();
      await listener.stopListening();
      await turns(TURNS);
      assert.ok(await connected(near, far), 'the data did not arrive');
      near.resume();
      await listener.close({ graceMs: NEVER_MS });
      await closed(near);
    },
  },
  {
    requirement: 'X5',
    title: 'rejects a pending listen with CLOSED on stopListening and leaves nothing behind',
    async run(fixture) {
      await fixture.leavesNothing(async () => {
        const transport = await fixture.create();
        const listening = rejectsWith(transport.listen(), 'CLOSED');
        await transport.stopListening();
        await listening;
      });
    },
  },
];
