import assert from 'node:assert/strict';
import { runElsewhere } from '../other-process.js';
import { Accepted, echoes } from '../streams.js';
import type { CaseDefinition } from './definition.js';

export const listenCases: readonly CaseDefinition[] = [
  {
    requirement: 'L1',
    title: 'sets transport.endpoint to the endpoint that listen resolves with',
    async run(fixture) {
      const transport = await fixture.create();
      const endpoint = await transport.listen();
      assert.equal(typeof endpoint, 'string');
      assert.equal(transport.endpoint, endpoint);
    },
  },
  {
    requirement: 'L1',
    title: 'resolves listen with a canonical endpoint',
    needs: ['canonical'],
    async run(fixture) {
      const transport = await fixture.create();
      assert.match(await transport.listen(), fixture.capability('canonical'));
    },
  },
  {
    requirement: 'L1',
    title: 'has no endpoint while listen is pending',
    async run(fixture) {
      const transport = await fixture.create();
      const listening = transport.listen();
      assert.equal(transport.endpoint, undefined);
      await listening;
    },
  },
  {
    requirement: 'L1',
    title: 'accepts connections as soon as listen resolves',
    async run(fixture) {
      const transport = await fixture.create();
      assert.ok(await fixture.canConnect(await transport.listen()), 'the endpoint accepts no connection');
    },
  },
  {
    requirement: 'L2',
    title: 'connects another transport to the endpoint',
    async run(fixture) {
      const { endpoint } = await fixture.echoServer();
      assert.ok(await echoes(await fixture.dial(endpoint)), 'the echo did not come back');
    },
  },
  {
    requirement: 'L2',
    title: 'connects the listening transport to its own endpoint',
    needsAddress: true,
    async run(fixture) {
      const { listener, endpoint } = await fixture.echoServer();
      assert.ok(await echoes(await listener.connect(endpoint)), 'the echo did not come back');
    },
  },
  {
    requirement: 'L2',
    title: 'connects each endpoint to its own listener',
    needsAddress: true,
    async run(fixture) {
      const accepted = [new Accepted(), new Accepted()];
      const endpoints = await Promise.all(accepted.map(async (each) => (await fixture.create()).listen(each)));
      await fixture.dial(endpoints[1] ?? '');
      await accepted[1]?.at(0);
      assert.equal(accepted[0]?.connections.length, 0);
    },
  },
  {
    requirement: 'L2',
    title: 'connects another process to the endpoint',
    needsAddress: true,
    needs: ['module'],
    async run(fixture) {
      const { endpoint } = await fixture.echoServer();
      assert.equal(await runElsewhere(fixture.capability('module'), 'echo', endpoint), 'true');
    },
  },
];
