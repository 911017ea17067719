import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { runInNewContext } from 'node:vm';
import { Accepted, closed, echo, echoes, flowsOnceResumed, inputArrives } from '../streams.js';
import { turns, TURNS, until } from '../waiting.js';
import type { CaseDefinition } from './definition.js';

export const handlerCases: readonly CaseDefinition[] = [
  {
    requirement: 'L3',
    title: 'passes each connection to the handler exactly once',
    needsAddress: true,
    async run(fixture) {
      const accepted = new Accepted();
      const endpoint = await (await fixture.create()).listen(accepted);
      const dialer = await fixture.create();
      const peers = await Promise.all(Array.from({ length: 20 }, () => dialer.connect(endpoint)));
      peers.forEach((peer, i) => peer.end(`peer ${i}`));
      await accepted.at(peers.length - 1);
      const messages = await Promise.all(accepted.connections.map(async (far) => (await buffer(far)).toString()));
      assert.deepEqual(messages.sort(), peers.map((_, i) => `peer ${i}`).sort());
    },
  },
  {
    requirement: 'L3',
    title: 'passes connections to the handler before they flow',
    async run(fixture) {
      const flowing: (boolean | null)[] = [];
      const listener = await fixture.create();
      const endpoint = await listener.listen({
        onConnection: (connection) => {
          flowing.push(connection.readableFlowing);
        },
      });
      await fixture.dial(endpoint);
      await until(() => flowing.length === 1);
      assert.notEqual(flowing[0], true, 'the connection flows already');
    },
  },
  {
    requirement: 'L3',
    title: 'delivers early data to a handler that reads late',
    async run(fixture) {
      const accepted = new Accepted();
      const endpoint = await (await fixture.create()).listen(accepted);
      const early = randomBytes(2 ** 18);
      const peer = await fixture.dial(endpoint);
      peer.end(early);
      const connection = await accepted.at(0);
      await inputArrives(connection);
      await turns(TURNS);
      assert.ok(early.equals(await buffer(connection)), 'different data arrived');
    },
  },
  {
    requirement: 'L3',
    title: 'keeps a connection paused until the handler resumes it (pauseOnConnect: true)',
    async run(fixture) {
      const { near, far } = await fixture.pair({ listen: { pauseOnConnect: true } });
      await flowsOnceResumed(far, near);
    },
  },
  ...[false, true].flatMap((allowHalfOpen): CaseDefinition[] => [
    {
      requirement: 'L3',
      title: `discards input without a handler (allowHalfOpen: ${allowHalfOpen})`,
      async run(fixture) {
        const endpoint = await (await fixture.create()).listen({ allowHalfOpen });
        const peer = await fixture.dial(endpoint);
        for (let i = 0; i < 256; i++) peer.write(Buffer.alloc(2 ** 16));
        await new Promise((resolve) => peer.write('the last', resolve));
        assert.ok(peer.writable, 'the connection ended');
      },
    },
    {
      requirement: 'L3',
      title: `ends a connection without a handler when its peer ends (allowHalfOpen: ${allowHalfOpen})`,
      async run(fixture) {
        const endpoint = await (await fixture.create()).listen({ allowHalfOpen });
        const peer = await fixture.dial(endpoint);
        peer.end('some input');
        assert.equal((await buffer(peer)).length, 0);
      },
    },
  ]),
];

export const handlerFailureCases: readonly CaseDefinition[] = [
  ...Object.entries<() => void | Promise<void>>({
    throws: () => {
      throw new Error('from the handler');
    },
    'throws undefined': () => {
      const nothing: unknown = undefined;
      throw nothing;
    },
    rejects: () => Promise.reject(new Error('from the handler')),
    // A promise of another realm is not an instance of this realm's Promise.
    'rejects with a promise of another realm': () =>
      runInNewContext("Promise.reject(new Error('from the handler'))") as Promise<void>,
    'rejects later': async () => {
      await turns(2);
      throw new Error('from the handler');
    },
  }).map(([what, fail]): CaseDefinition => ({
    requirement: 'L7',
    title: `closes only its own connection when a handler ${what}`,
    needsAddress: true,
    async run(fixture) {
      let count = 0;
      const onConnection = (connection: Duplex): void | Promise<void> => {
        if (++count === 2) return fail();
        echo(connection);
      };
      const endpoint = await (await fixture.create()).listen({ onConnection });
      const before = await fixture.dial(endpoint);
      assert.ok(await echoes(before), 'the echo did not come back');
      const failed = await fixture.dialStubborn(endpoint);
      await closed(failed.on('end', () => failed.end()));
      assert.ok(await echoes(before), 'the echo did not come back');
      assert.ok(await echoes(await fixture.dial(endpoint)), 'the echo did not come back');
    },
  })),
  {
    requirement: 'L7',
    title: 'keeps listening when a handler rejects after its connection has closed',
    needsAddress: true,
    async run(fixture) {
      let failed = false;
      const listener = await fixture.create();
      const endpoint = await listener.listen({
        onConnection: async (connection) => {
          await closed(connection.resume());
          failed = true;
          throw new Error('from the handler');
        },
      });
      const peer = await fixture.dial(endpoint);
      peer.resume().end();
      await until(() => failed);
      assert.ok(await fixture.canConnect(endpoint), 'the endpoint accepts no connection');
    },
  },
  {
    requirement: 'L7',
    title: 'accepts a handler that returns something other than a promise',
    async run(fixture) {
      // `pipe` returns a stream.
      const onConnection = ((connection: Duplex) => connection.pipe(connection)) as unknown as (c: Duplex) => void;
      const endpoint = await (await fixture.create()).listen({ onConnection });
      assert.ok(await echoes(await fixture.dial(endpoint)), 'the echo did not come back');
    },
  },
];
