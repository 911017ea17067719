import assert from 'node:assert/strict';
import { rejectsWith } from '../fixture.js';
import { connected } from '../streams.js';
import type { CaseDefinition } from './definition.js';

export const oneConnectionCases: readonly CaseDefinition[] = [
  {
    requirement: 'C8',
    title: 'rejects a second connect with CLOSED and keeps the connection',
    needs: ['peerOf'],
    async run(fixture) {
      const { dialer, endpoint, near, far } = await fixture.pair();
      await rejectsWith(dialer.connect(endpoint), 'CLOSED');
      assert.ok(await connected(near, far), 'the data did not arrive');
    },
  },
  {
    requirement: 'C8',
    title: 'rejects a connect after the connection has closed with CLOSED',
    needs: ['peerOf'],
    async run(fixture) {
      const { dialer, endpoint, near } = await fixture.pair();
      near.destroy();
      await rejectsWith(dialer.connect(endpoint), 'CLOSED');
    },
  },
  {
    requirement: 'C8',
    title: 'rejects a listen after stopListening with CLOSED and keeps the connection',
    needs: ['peerOf'],
    async run(fixture) {
      const { listener, near, far } = await fixture.pair();
      await listener.stopListening();
      await rejectsWith(listener.listen(), 'CLOSED');
      assert.ok(await connected(near, far), 'the data did not arrive');
    },
  },
  {
    requirement: 'C8',
    title: 'rejects a connect of the listening transport with CLOSED and keeps the connection',
    needs: ['peerOf'],
    async run(fixture) {
      const { listener, endpoint, near, far } = await fixture.pair();
      await rejectsWith(listener.connect(endpoint), 'CLOSED');
      assert.ok(await connected(near, far), 'the data did not arrive');
    },
  },
];
