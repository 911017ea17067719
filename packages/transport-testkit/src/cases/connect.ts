import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { getEventListeners } from 'node:events';
import type { Duplex } from 'node:stream';
import { rejectsWith } from '../bench.js';
import type { Bench, Pair } from '../bench.js';
import { Accepted, closed, connected, echo, echoes, receive, receiveAll } from '../streams.js';
import { durationOf, NEVER_MS, PROMPT_MS, settlesWithoutIO, turns, TURNS, until } from '../waiting.js';
import type { CaseDefinition } from './definition.js';

/** More than all buffers between two ends hold. */
const LARGE = 16 * 2 ** 20;
const CHUNK = 2 ** 16;

/** The cases that need an endpoint that does not answer, either because nobody is there or because somebody is stuck. */
const unanswered: readonly { what: string; needs: CaseDefinition['needs']; make: (bench: Bench) => Promise<string> }[] =
  [
    { what: 'an endpoint that does not appear', needs: [], make: (bench) => bench.nobody() },
    { what: 'a listener that does not answer', needs: ['stuck'], make: (bench) => bench.stuck() },
  ];

export const connectCases: readonly CaseDefinition[] = [
  {
    requirement: 'C1',
    title: 'bytes flow both ways',
    async run(bench) {
      const { near, far } = await bench.pair();
      assert.ok(await connected(near, far), 'what was sent did not arrive');
    },
  },
  {
    requirement: 'C1',
    title: 'the connection does not flow yet, and nothing of what comes early is lost',
    async run(bench) {
      const { near, far } = await bench.pair();
      assert.notEqual(near.readableFlowing, true, 'it flows already');
      far.write('early');
      await until(() => near.readableLength > 0);
      await turns(TURNS);
      assert.equal((await receive(near, 5)).toString(), 'early');
    },
  },
  ...(['near', 'far'] as const).flatMap((side): CaseDefinition[] => [
    {
      requirement: 'C1',
      title: `a reader that is slow holds up the writer (the ${side} end writes)`,
      async run(bench) {
        const { endpoint } = await bench.echoServer();
        const other = await bench.dial(endpoint);
        const [writer, reader] = endsOf(await bench.pair(), side);
        let flushed = false;
        for (let sent = 0; sent < LARGE; sent += CHUNK) writer.write(Buffer.alloc(CHUNK));
        writer.write('the last', () => {
          flushed = true;
        });
        // Meanwhile all of it could have arrived many times over.
        for (let i = 0; i < 50; i++) await echoes(other);
        assert.equal(flushed, false, 'all was taken at once');
        assert.ok(reader.readableLength < 2 ** 20, `${reader.readableLength} bytes wait at the reader`);
      },
    },
    {
      requirement: 'C1',
      title: `a writer that is held up learns that its peer has gone (the ${side} end writes)`,
      async run(bench) {
        const [writer, reader] = endsOf(await bench.pair(), side);
        for (let sent = 0; sent < LARGE; sent += CHUNK) writer.write(Buffer.alloc(CHUNK));
        await until(() => reader.readableLength > 0);
        reader.destroy();
        await closed(writer);
      },
    },
    {
      requirement: 'C1',
      title: `all that was held up arrives in the end, in order (the ${side} end writes)`,
      async run(bench) {
        const sent = randomBytes(LARGE);
        const [writer, reader] = endsOf(await bench.pair(), side);
        for (let at = 0; at < LARGE; at += CHUNK) writer.write(sent.subarray(at, at + CHUNK));
        await until(() => reader.readableLength > 0);
        await turns(TURNS);
        assert.ok(sent.equals(await receive(reader, LARGE)), 'something else arrived');
      },
    },
    {
      requirement: 'C1',
      title: `without allowHalfOpen a connection ends when its peer does (the ${side} end does)`,
      async run(bench) {
        const [ends, follows] = endsOf(await bench.pair(), side);
        ends.resume().end();
        follows.resume();
        await Promise.all([closed(ends), closed(follows)]);
      },
    },
    {
      requirement: 'C1',
      title: `with allowHalfOpen a connection stays writable when its peer has ended (the ${side} end does)`,
      async run(bench) {
        const options = side === 'near' ? { listen: { allowHalfOpen: true } } : { connect: { allowHalfOpen: true } };
        const [asks, answers] = endsOf(await bench.pair(options), side);
        asks.end('the question');
        assert.equal((await receiveAll(answers)).toString(), 'the question');
        answers.end('the answer');
        assert.equal((await receiveAll(asks)).toString(), 'the answer');
      },
    },
  ]),
  {
    requirement: 'C1',
    title: 'the endpoint of a transport is that of its last connect, unless it listens',
    async run(bench) {
      const [first, second] = [await bench.echoServer(), await bench.echoServer()];
      const dialer = await bench.create();
      await dialer.connect(first.endpoint);
      await dialer.connect(second.endpoint);
      assert.equal(dialer.endpoint, second.endpoint);
      await first.listener.connect(second.endpoint);
      assert.equal(first.listener.endpoint, first.endpoint);
    },
  },
  {
    requirement: 'C2',
    title: 'a malformed endpoint rejects INVALID_ENDPOINT before any I/O',
    needs: ['malformed'],
    run: (bench) => expectInvalid(bench, bench.subject.capabilities?.malformed ?? []),
  },
  {
    requirement: 'C2',
    title: 'an endpoint of another network rejects INVALID_ENDPOINT before any I/O',
    needs: ['foreign'],
    run: (bench) => expectInvalid(bench, bench.subject.capabilities?.foreign ?? []),
  },
  {
    requirement: 'C3',
    title: 'where nobody listens connect rejects, and names the endpoint',
    async run(bench) {
      for (const { what, codes, make } of bench.absences()) {
        const endpoint = await make();
        const error = await rejectsWith(bench.dial(endpoint, { waitMs: 0 }), ...codes);
        assert.equal(error.endpoint, endpoint, what);
        assert.ok(error.message.includes(endpoint), `${what} is not named: ${error.message}`);
      }
    },
  },
  {
    requirement: 'C3',
    title: 'where nobody listens connect rejects after waitMs',
    async run(bench) {
      for (const { codes, make } of bench.absences()) {
        const endpoint = await make();
        const options = { waitMs: 80, timeoutMs: NEVER_MS };
        const tookMs = await durationOf(() => rejectsWith(bench.dial(endpoint, options), ...codes));
        // A timer may be early by what is left of a millisecond.
        assert.ok(tookMs > 78, `it gave up after ${tookMs} ms`);
        assert.ok(tookMs < 80 + PROMPT_MS, `it gave up only after ${tookMs} ms`);
      }
    },
  },
  ...unanswered.flatMap(({ what, needs, make }): CaseDefinition[] => [
    {
      requirement: 'C4',
      title: `${what} rejects TIMEOUT after timeoutMs, and leaves nothing`,
      ...(needs && { needs }),
      async run(bench) {
        const endpoint = await make(bench);
        const dialer = await bench.create();
        await bench.leavesNothing(async () => {
          const options = { waitMs: NEVER_MS, timeoutMs: 150 };
          const tookMs = await durationOf(async () => {
            const error = await rejectsWith(dialer.connect(endpoint, options), 'TIMEOUT');
            assert.equal(error.endpoint, endpoint);
          });
          assert.ok(tookMs > 148, `it gave up after ${tookMs} ms`);
          assert.ok(tookMs < 150 + PROMPT_MS, `it gave up only after ${tookMs} ms`);
        });
      },
    },
    {
      requirement: 'C5',
      title: `an abort while it waits for ${what} rejects ABORTED with the reason as the cause, and leaves nothing`,
      ...(needs && { needs }),
      async run(bench) {
        const endpoint = await make(bench);
        const dialer = await bench.create();
        await bench.leavesNothing(async () => {
          const controller = new AbortController();
          const reason = new Error('changed my mind');
          const options = { signal: controller.signal, waitMs: NEVER_MS, timeoutMs: NEVER_MS };
          const connecting = rejectsWith(dialer.connect(endpoint, options), 'ABORTED');
          await turns(5);
          controller.abort(reason);
          assert.equal((await connecting).cause, reason);
        });
      },
    },
  ]),
  {
    requirement: 'C4',
    title: 'a time limit that was not reached does nothing',
    async run(bench) {
      const { near, far } = await bench.pair({ connect: { timeoutMs: 300 } });
      const begun = performance.now();
      await until(() => performance.now() - begun > 350);
      assert.ok(await connected(near, far), 'what was sent did not arrive');
    },
  },
  {
    requirement: 'C5',
    title: 'a signal aborted beforehand rejects ABORTED with its reason as the cause, and reaches nobody',
    async run(bench) {
      const accepted = new Accepted();
      const endpoint = await (await bench.create()).listen(accepted);
      const dialer = await bench.create();
      const reason = new Error('changed my mind');
      const connecting = dialer.connect(endpoint, { signal: AbortSignal.abort(reason) });
      const error = rejectsWith(connecting, 'ABORTED');
      assert.ok(await settlesWithoutIO(connecting), 'it did not reject at once');
      assert.equal((await error).cause, reason);
      await dialer.connect(endpoint);
      await accepted.at(0);
      await turns(TURNS);
      assert.equal(accepted.connections.length, 1);
    },
  },
  {
    requirement: 'C5',
    title: 'the reason of a signal that timed out is the cause, and the code ABORTED',
    async run(bench) {
      const signal = AbortSignal.timeout(20);
      const options = { signal, waitMs: NEVER_MS, timeoutMs: NEVER_MS };
      const error = await rejectsWith(bench.dial(await bench.nobody(), options), 'ABORTED');
      assert.equal(error.cause, signal.reason);
    },
  },
  {
    requirement: 'C5',
    title: 'an abort at any moment leaves a connection or nothing',
    async run(bench) {
      const { endpoint } = await bench.echoServer();
      for (let turn = 0; turn < TURNS; turn++) {
        const controller = new AbortController();
        const dialer = await bench.create();
        const connecting = dialer.connect(endpoint, { signal: controller.signal });
        const outcome = connecting.then(echoes, (error: unknown) => (error as { code?: string }).code);
        await turns(turn);
        controller.abort();
        assert.ok([true, 'ABORTED'].includes((await outcome) ?? false), `it ended with ${String(await outcome)}`);
        await dialer.close();
      }
    },
  },
  {
    requirement: 'C5',
    title: 'once it has settled the signal does nothing',
    async run(bench) {
      const controller = new AbortController();
      const { signal } = controller;
      const { dialer, near, far } = await bench.pair({ connect: { signal } });
      await dialer.connect(await bench.nobody(), { signal, waitMs: 0 }).catch(() => undefined);
      assert.deepEqual(getEventListeners(signal, 'abort'), []);
      controller.abort();
      assert.ok(await connected(near, far), 'what was sent did not arrive');
    },
  },
  {
    requirement: 'C6',
    title: 'a burst of 600 connects all succeed',
    async run(bench) {
      const endpoint = await (await bench.create()).listen();
      const dialer = await bench.create();
      const options = { timeoutMs: NEVER_MS };
      const outcomes = await Promise.allSettled(Array.from({ length: 600 }, () => dialer.connect(endpoint, options)));
      assert.deepEqual(
        outcomes.filter(({ status }) => status === 'rejected'),
        [],
      );
    },
  },
  {
    requirement: 'C7',
    title: 'an endpoint that appears is reached at once',
    needs: ['createAt'],
    async run(bench) {
      for (const { what, make } of bench.absences()) {
        const endpoint = await make();
        const connecting = bench.dial(endpoint, { waitMs: NEVER_MS, timeoutMs: NEVER_MS });
        // By the time that this has failed, so has the first attempt.
        assert.equal(await bench.canConnect(endpoint), false, what);
        await turns(TURNS);
        await (await bench.createAt(endpoint)).listen({ onConnection: echo });
        const tookMs = await durationOf(() => connecting);
        assert.ok(tookMs < 250, `${what} was reached only after ${tookMs} ms`);
        assert.ok(await echoes(await connecting), 'what was sent did not come back');
      }
    },
  },
];

/** The end that acts, and the other. */
function endsOf({ near, far }: Pair, side: 'near' | 'far'): [Duplex, Duplex] {
  return side === 'near' ? [near, far] : [far, near];
}

async function expectInvalid(bench: Bench, endpoints: readonly string[]): Promise<void> {
  const dialer = await bench.create();
  for (const endpoint of endpoints) {
    const connecting = dialer.connect(endpoint);
    const rejection = rejectsWith(connecting, 'INVALID_ENDPOINT');
    assert.ok(await settlesWithoutIO(connecting), `${JSON.stringify(endpoint)} was not refused at once`);
    await rejection;
  }
}
