import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { getEventListeners } from 'node:events';
import type { Duplex } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { runInNewContext } from 'node:vm';
import type { Transport } from '@rpcplugin/transport-core';
import { rejectsWith } from '../bench.js';
import type { Bench } from '../bench.js';
import { runElsewhere } from '../other-process.js';
import { Accepted, closed, echo, echoes } from '../streams.js';
import { turns, TURNS, until } from '../waiting.js';
import type { CaseDefinition } from './definition.js';

export const listenCases: readonly CaseDefinition[] = [
  {
    requirement: 'L1',
    title: 'the endpoint that listen resolves with is also that of the transport',
    async run(bench) {
      const transport = await bench.create();
      const endpoint = await transport.listen();
      assert.equal(typeof endpoint, 'string');
      assert.equal(transport.endpoint, endpoint);
    },
  },
  {
    requirement: 'L1',
    title: 'the endpoint is canonical',
    needs: ['canonical'],
    async run(bench) {
      const transport = await bench.create();
      assert.match(await transport.listen(), bench.subject.capabilities?.canonical ?? /^$/);
    },
  },
  {
    requirement: 'L1',
    title: 'there is no endpoint before the address accepts connections',
    async run(bench) {
      const transport = await bench.create();
      const listening = transport.listen();
      assert.equal(transport.endpoint, undefined);
      await listening;
    },
  },
  {
    requirement: 'L1',
    title: 'the address accepts connections at once',
    async run(bench) {
      const transport = await bench.create();
      assert.ok(await bench.canConnect(await transport.listen()), 'nobody can connect');
    },
  },
  {
    requirement: 'L2',
    title: 'the endpoint leads another instance there',
    async run(bench) {
      const { endpoint } = await bench.echoServer();
      assert.ok(await echoes(await bench.dial(endpoint)), 'what was sent did not come back');
    },
  },
  {
    requirement: 'L2',
    title: 'the endpoint leads the listening instance itself there',
    async run(bench) {
      const { listener, endpoint } = await bench.echoServer();
      assert.ok(await echoes(await listener.connect(endpoint)), 'what was sent did not come back');
    },
  },
  {
    requirement: 'L2',
    title: 'each of several listeners is reached by its own endpoint',
    async run(bench) {
      const accepted = [new Accepted(), new Accepted()];
      const endpoints = await Promise.all(accepted.map(async (each) => (await bench.create()).listen(each)));
      await bench.dial(endpoints[1] ?? '');
      await accepted[1]?.at(0);
      assert.equal(accepted[0]?.connections.length, 0);
    },
  },
  {
    requirement: 'L2',
    title: 'the endpoint leads another process there',
    needs: ['module'],
    async run(bench) {
      const { endpoint } = await bench.echoServer();
      assert.equal(await runElsewhere(bench.subject, 'echo', endpoint), 'true');
    },
  },
  {
    requirement: 'L3',
    title: 'each connection reaches the handler exactly once',
    async run(bench) {
      const accepted = new Accepted();
      const endpoint = await (await bench.create()).listen(accepted);
      const dialer = await bench.create();
      const peers = await Promise.all(Array.from({ length: 20 }, () => dialer.connect(endpoint)));
      peers.forEach((peer, i) => peer.end(`peer ${i}`));
      await accepted.at(peers.length - 1);
      const messages = await Promise.all(accepted.connections.map(async (far) => (await buffer(far)).toString()));
      assert.deepEqual(messages.sort(), peers.map((_, i) => `peer ${i}`).sort());
    },
  },
  {
    requirement: 'L3',
    title: 'a connection does not flow yet when it reaches the handler',
    async run(bench) {
      const flowing: (boolean | null)[] = [];
      const listener = await bench.create();
      const endpoint = await listener.listen({
        onConnection: (connection) => {
          flowing.push(connection.readableFlowing);
        },
      });
      await bench.dial(endpoint);
      await until(() => flowing.length === 1);
      assert.notEqual(flowing[0], true, 'it flows already');
    },
  },
  {
    requirement: 'L3',
    title: 'nothing of what came early is lost to a handler that listens late',
    async run(bench) {
      const accepted = new Accepted();
      const endpoint = await (await bench.create()).listen(accepted);
      const early = randomBytes(2 ** 18);
      const peer = await bench.dial(endpoint);
      peer.end(early);
      const connection = await accepted.at(0);
      await until(() => connection.readableLength > 0);
      await turns(TURNS);
      assert.ok(early.equals(await buffer(connection)), 'something else arrived');
    },
  },
  ...[false, true].flatMap((allowHalfOpen): CaseDefinition[] => [
    {
      requirement: 'L3',
      title: `without a handler input is discarded (allowHalfOpen: ${allowHalfOpen})`,
      async run(bench) {
        const endpoint = await (await bench.create()).listen({ allowHalfOpen });
        const peer = await bench.dial(endpoint);
        for (let i = 0; i < 256; i++) peer.write(Buffer.alloc(2 ** 16));
        await new Promise((resolve) => peer.write('the last', resolve));
        assert.ok(peer.writable, 'the connection has ended');
      },
    },
    {
      requirement: 'L3',
      title: `without a handler a connection ends with its peer (allowHalfOpen: ${allowHalfOpen})`,
      async run(bench) {
        const endpoint = await (await bench.create()).listen({ allowHalfOpen });
        const peer = await bench.dial(endpoint);
        peer.end('some input');
        assert.equal((await buffer(peer)).length, 0);
      },
    },
  ]),
  {
    requirement: 'L4',
    title: 'a second listen rejects ALREADY_LISTENING',
    async run(bench) {
      const { listener } = await bench.echoServer();
      await rejectsWith(listener.listen(), 'ALREADY_LISTENING');
    },
  },
  {
    requirement: 'L4',
    title: 'a second listen rejects ALREADY_LISTENING while the first is pending',
    async run(bench) {
      const listener = await bench.create();
      const first = listener.listen();
      const second = rejectsWith(listener.listen(), 'ALREADY_LISTENING');
      await first;
      await second;
    },
  },
  {
    requirement: 'L4',
    title: 'a second listen leaves the first undisturbed',
    async run(bench) {
      const { listener, endpoint } = await bench.echoServer();
      const before = await bench.dial(endpoint);
      await listener.listen({ onConnection: () => undefined }).catch(() => undefined);
      assert.equal(listener.endpoint, endpoint);
      assert.ok(await echoes(before), 'what was sent did not come back');
      assert.ok(await echoes(await bench.dial(endpoint)), 'what was sent did not come back');
    },
  },
  {
    requirement: 'L5',
    title: 'an address in use rejects ADDRESS_IN_USE',
    needs: ['createAt'],
    async run(bench) {
      const { endpoint } = await bench.echoServer();
      await rejectsWith((await bench.createAt(endpoint)).listen(), 'ADDRESS_IN_USE');
    },
  },
  {
    requirement: 'L5',
    title: 'the holder of an address in use keeps its name and its connections',
    needs: ['createAt'],
    async run(bench) {
      const { endpoint } = await bench.echoServer();
      const before = await bench.dial(endpoint);
      const rival = await bench.createAt(endpoint);
      await rejectsWith(rival.listen(), 'ADDRESS_IN_USE');
      await rival.close();
      assert.ok(await echoes(before), 'what was sent did not come back');
      assert.ok(await echoes(await bench.dial(endpoint)), 'what was sent did not come back');
    },
  },
  {
    requirement: 'L5',
    title: 'an address whose holder is too busy to answer is in use',
    needs: ['createAt', 'stuck'],
    async run(bench) {
      await rejectsWith((await bench.createAt(await bench.stuck())).listen(), 'ADDRESS_IN_USE');
    },
  },
  {
    requirement: 'L5',
    title: 'of many that want one address at the same time one gets it',
    needs: ['createAt'],
    async run(bench) {
      const endpoint = await bench.nobody();
      const rivals = await Promise.all(Array.from({ length: 8 }, () => bench.createAt(endpoint)));
      const outcomes = await Promise.allSettled(rivals.map((rival) => rival.listen({ onConnection: echo })));
      const losers = outcomes.filter((outcome) => outcome.status === 'rejected');
      assert.equal(losers.length, rivals.length - 1);
      for (const { reason } of losers) assert.equal((reason as { code?: string }).code, 'ADDRESS_IN_USE');
      assert.ok(await echoes(await bench.dial(endpoint)), 'what was sent did not come back');
    },
  },
  {
    requirement: 'L5',
    title: 'a listen that found its address in use leaves nothing',
    needs: ['createAt'],
    async run(bench) {
      const { listener, endpoint } = await bench.echoServer();
      await bench.leavesNothing(async () => {
        await rejectsWith((await bench.createAt(endpoint)).listen(), 'ADDRESS_IN_USE');
        await listener.close();
      });
    },
  },
  {
    requirement: 'L6',
    title: 'a signal aborted beforehand rejects ABORTED and binds nothing',
    async run(bench) {
      await bench.leavesNothing(async () => {
        const transport = await bench.create();
        await rejectsWith(transport.listen({ signal: AbortSignal.abort() }), 'ABORTED');
        assert.equal(transport.endpoint, undefined);
      });
    },
  },
  {
    requirement: 'L6',
    title: 'an abort while it is pending rejects ABORTED with its reason as the cause',
    async run(bench) {
      const controller = new AbortController();
      const reason = new Error('changed my mind');
      const listening = rejectsWith((await bench.create()).listen({ signal: controller.signal }), 'ABORTED');
      controller.abort(reason);
      assert.equal((await listening).cause, reason);
    },
  },
  {
    requirement: 'L6',
    title: 'an abort at any moment leaves a listener or nothing',
    async run(bench) {
      await bench.leavesNothing(async () => {
        for (let turn = 0; turn < TURNS; turn++) {
          const controller = new AbortController();
          const transport = await bench.create();
          const outcome = transport.listen({ signal: controller.signal }).then(
            () => 'listening',
            (error: unknown) => (error as { code?: string }).code,
          );
          await turns(turn);
          controller.abort();
          await expectListenerOrNothing(bench, transport, await outcome, 'ABORTED');
          await transport.close();
        }
      });
    },
  },
  {
    requirement: 'L6',
    title: 'a close at any moment leaves nothing',
    async run(bench) {
      await bench.leavesNothing(async () => {
        for (let turn = 0; turn < TURNS; turn++) {
          const transport = await bench.create();
          const outcome = transport.listen().then(
            () => 'listening',
            (error: unknown) => (error as { code?: string }).code,
          );
          await turns(turn);
          await transport.close();
          assert.ok(['listening', 'CLOSED'].includes((await outcome) ?? ''), `it ended with ${String(await outcome)}`);
        }
      });
    },
  },
  {
    requirement: 'L6',
    title: 'after an aborted listen the transport can listen',
    async run(bench) {
      const transport = await bench.create();
      const controller = new AbortController();
      const aborted = rejectsWith(transport.listen({ signal: controller.signal }), 'ABORTED');
      controller.abort();
      await aborted;
      assert.ok(await bench.canConnect(await transport.listen()), 'nobody can connect');
    },
  },
  {
    requirement: 'L6',
    title: 'once it has resolved the signal does nothing',
    async run(bench) {
      const controller = new AbortController();
      const listener = await bench.create();
      const endpoint = await listener.listen({ onConnection: echo, signal: controller.signal });
      assert.deepEqual(getEventListeners(controller.signal, 'abort'), []);
      controller.abort();
      await turns(TURNS);
      assert.ok(await echoes(await bench.dial(endpoint)), 'what was sent did not come back');
    },
  },
  ...Object.entries<() => void | Promise<void>>({
    throws: () => {
      throw new Error('from the handler');
    },
    'throws undefined': () => {
      const nothing: unknown = undefined;
      throw nothing;
    },
    rejects: () => Promise.reject(new Error('from the handler')),
    // Of another realm, so that it is no instance of this one's Promise.
    'rejects with the promise of another realm': () =>
      runInNewContext("Promise.reject(new Error('from the handler'))") as Promise<void>,
    'rejects later': async () => {
      await turns(2);
      throw new Error('from the handler');
    },
  }).map(([what, fail]): CaseDefinition => ({
    requirement: 'L7',
    title: `a handler that ${what} costs its own connection, and no other`,
    async run(bench) {
      let count = 0;
      const onConnection = (connection: Duplex): void | Promise<void> => {
        if (++count === 2) return fail();
        echo(connection);
      };
      const endpoint = await (await bench.create()).listen({ onConnection });
      const before = await bench.dial(endpoint);
      assert.ok(await echoes(before), 'what was sent did not come back');
      const failed = await bench.dialStubborn(endpoint);
      await closed(failed.on('end', () => failed.end()));
      assert.ok(await echoes(before), 'what was sent did not come back');
      assert.ok(await echoes(await bench.dial(endpoint)), 'what was sent did not come back');
    },
  })),
  {
    requirement: 'L7',
    title: 'a handler that rejects after its connection has gone costs nothing',
    async run(bench) {
      let failed = false;
      const listener = await bench.create();
      const endpoint = await listener.listen({
        onConnection: async (connection) => {
          await closed(connection.resume());
          failed = true;
          throw new Error('from the handler');
        },
      });
      const peer = await bench.dial(endpoint);
      peer.resume().end();
      await until(() => failed);
      assert.ok(await bench.canConnect(endpoint), 'nobody can connect');
    },
  },
  {
    requirement: 'L7',
    title: 'a handler that returns something else than a promise costs nothing',
    async run(bench) {
      // It returns a stream.
      const onConnection = ((connection: Duplex) => connection.pipe(connection)) as unknown as (c: Duplex) => void;
      const endpoint = await (await bench.create()).listen({ onConnection });
      assert.ok(await echoes(await bench.dial(endpoint)), 'what was sent did not come back');
    },
  },
];

async function expectListenerOrNothing(
  bench: Bench,
  transport: Transport,
  outcome: string | undefined,
  code: string,
): Promise<void> {
  if (outcome === 'listening') {
    assert.ok(await bench.canConnect(transport.endpoint ?? ''), 'nobody listens');
    return;
  }
  assert.equal(outcome, code);
  assert.equal(transport.endpoint, undefined);
  assert.deepEqual(await bench.leftovers(), []);
}
