import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { rejectsWith } from '../fixture.js';
import type { Fixture } from '../fixture.js';
import { Accepted, connected, echo, echoes } from '../streams.js';
import { durationOf, durationWithin, NEVER_MS, settlesWithoutIO, turns, TURNS, until } from '../waiting.js';
import type { CaseDefinition } from './definition.js';

/** How soon connect must reach an endpoint that appears, in milliseconds. An idle machine takes less than ten. */
const AT_ONCE_MS = 250;

/** Endpoints that do not answer: nothing listens there, or the listener is stuck. */
const unanswered: readonly {
  what: string;
  needs: CaseDefinition['needs'];
  make: (fixture: Fixture) => Promise<string>;
}[] = [
  { what: 'the endpoint does not appear', needs: [], make: (fixture) => fixture.unusedEndpoint() },
  { what: 'the listener does not answer', needs: ['stuck'], make: (fixture) => fixture.stuck() },
];

export const connectCases: readonly CaseDefinition[] = [
  {
    requirement: 'C2',
    title: 'rejects a malformed endpoint with INVALID_ENDPOINT before any I/O',
    needs: ['malformed'],
    run: (fixture) => expectInvalid(fixture, fixture.capability('malformed')),
  },
  {
    requirement: 'C2',
    title: 'rejects an endpoint of another network with INVALID_ENDPOINT before any I/O',
    needs: ['foreign'],
    run: (fixture) => expectInvalid(fixture, fixture.capability('foreign')),
  },
  {
    requirement: 'C3',
    title: 'names the endpoint when nothing listens',
    needsAddress: true,
    async run(fixture) {
      for (const { what, codes, make } of fixture.absences()) {
        const endpoint = await make();
        const error = await rejectsWith(fixture.dial(endpoint, { waitMs: 0 }), ...codes);
        assert.equal(error.endpoint, endpoint, what);
        assert.ok(
          error.message.includes(endpoint),
          `the message does not name the endpoint (${what}): ${error.message}`,
        );
      }
    },
  },
  {
    requirement: 'C3',
    title: 'rejects after waitMs when nothing listens',
    needsAddress: true,
    async run(fixture) {
      for (const { codes, make } of fixture.absences()) {
        const endpoint = await make();
        const options = { waitMs: 250, timeoutMs: NEVER_MS };
        const rejects = () => rejectsWith(fixture.dial(endpoint, options), ...codes);
        const tookMs = await durationWithin(250, 'connect', rejects);
        // A timer may fire up to a millisecond early.
        assert.ok(tookMs > 248, `connect rejected after ${tookMs} ms`);
      }
    },
  },
  ...unanswered.map(({ what, needs, make }): CaseDefinition => ({
    requirement: 'C4',
    title: `rejects with TIMEOUT after timeoutMs and leaves nothing behind (${what})`,
    needsAddress: true,
    ...(needs && { needs }),
    async run(fixture) {
      const endpoint = await make(fixture);
      const dialer = await fixture.create();
      await fixture.leavesNothing(async () => {
        const options = { waitMs: NEVER_MS, timeoutMs: 150 };
        const tookMs = await durationWithin(150, 'connect', async () => {
          const error = await rejectsWith(dialer.connect(endpoint, options), 'TIMEOUT');
          assert.equal(error.endpoint, endpoint);
        });
        assert.ok(tookMs > 148, `connect rejected after ${tookMs} ms`);
      });
    },
  })),
  {
    requirement: 'C4',
    title: 'keeps the connection open after timeoutMs',
    async run(fixture) {
      let timeoutMs = 300;
      const connect = () => fixture.pair({ connect: { timeoutMs } });
      const { near, far } = await connect().catch(() => {
        // A busy machine may need longer.
        timeoutMs = 3000;
        return connect();
      });
      const begun = performance.now();
      await until(() => performance.now() - begun > timeoutMs + 50);
      assert.ok(await connected(near, far), 'the data did not arrive');
    },
  },
  ...unanswered.map(({ what, needs, make }): CaseDefinition => ({
    requirement: 'C5',
    title: `rejects an aborted connect with the reason as cause and leaves nothing behind (${what})`,
    needsAddress: true,
    ...(needs && { needs }),
    async run(fixture) {
      const endpoint = await make(fixture);
      const dialer = await fixture.create();
      await fixture.leavesNothing(async () => {
        const controller = new AbortController();
        const reason = new Error('changed my mind');
        const options = { signal: controller.signal, waitMs: NEVER_MS, timeoutMs: NEVER_MS };
        const connecting = rejectsWith(dialer.connect(endpoint, options), 'ABORTED');
        await turns(5);
        controller.abort(reason);
        assert.equal((await connecting).cause, reason);
      });
    },
  })),
  {
    requirement: 'C5',
    title: 'rejects with ABORTED for an aborted signal and never contacts the listener',
    async run(fixture) {
      const accepted = new Accepted();
      const endpoint = await (await fixture.create()).listen(accepted);
      const dialer = await fixture.createDialer();
      const reason = new Error('changed my mind');
      const connecting = dialer.connect(endpoint, { signal: AbortSignal.abort(reason) });
      const error = rejectsWith(connecting, 'ABORTED');
      assert.ok(await settlesWithoutIO(connecting), 'connect did not reject at once');
      assert.equal((await error).cause, reason);
      await dialer.connect(endpoint);
      await accepted.at(0);
      await turns(TURNS);
      assert.equal(accepted.connections.length, 1);
    },
  },
  {
    requirement: 'C5',
    title: 'rejects with ABORTED, not TIMEOUT, when AbortSignal.timeout aborts',
    needsAddress: true,
    async run(fixture) {
      const signal = AbortSignal.timeout(20);
      const options = { signal, waitMs: NEVER_MS, timeoutMs: NEVER_MS };
      const error = await rejectsWith(fixture.dial(await fixture.unusedEndpoint(), options), 'ABORTED');
      assert.equal(error.cause, signal.reason);
    },
  },
  {
    requirement: 'C5',
    title: 'leaves a connection or nothing when connect is aborted at any moment',
    needsAddress: true,
    async run(fixture) {
      const { endpoint } = await fixture.echoServer();
      for (let turn = 0; turn < TURNS; turn++) {
        const controller = new AbortController();
        const dialer = await fixture.create();
        const connecting = dialer.connect(endpoint, { signal: controller.signal });
        const outcome = connecting.then(echoes, (error: unknown) => (error as { code?: string }).code);
        await turns(turn);
        controller.abort();
        assert.ok([true, 'ABORTED'].includes((await outcome) ?? false), `connect ended with ${String(await outcome)}`);
        await dialer.close();
      }
    },
  },
  {
    requirement: 'C5',
    title: 'ignores the signal once connect has settled',
    needsAddress: true,
    async run(fixture) {
      const controller = new AbortController();
      const { signal } = controller;
      const { dialer, near, far } = await fixture.pair({ connect: { signal } });
      await dialer.connect(await fixture.unusedEndpoint(), { signal, waitMs: 0 }).catch(() => undefined);
      assert.deepEqual(getEventListeners(signal, 'abort'), []);
      controller.abort();
      assert.ok(await connected(near, far), 'the data did not arrive');
    },
  },
  {
    requirement: 'C6',
    title: 'completes a burst of 600 connects',
    needsAddress: true,
    async run(fixture) {
      const endpoint = await (await fixture.create()).listen();
      const dialer = await fixture.create();
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
    title: 'connects to an endpoint as soon as it appears',
    needs: ['createAt'],
    async run(fixture) {
      for (const { what, make } of fixture.absences()) {
        let fastestMs = Infinity;
        // A busy machine can delay a process this long, but hardly three times in a row.
        for (let round = 0; round < 3 && fastestMs >= AT_ONCE_MS; round++) {
          const endpoint = await make();
          const connecting = fixture.dial(endpoint, { waitMs: NEVER_MS, timeoutMs: NEVER_MS });
          // The first attempt of the pending connect has failed before this one.
          assert.equal(await fixture.canConnect(endpoint), false, what);
          await turns(TURNS);
          await (await fixture.createAt(endpoint)).listen({ onConnection: echo });
          fastestMs = Math.min(fastestMs, await durationOf(() => connecting));
          assert.ok(await echoes(await connecting), 'the echo did not come back');
        }
        assert.ok(fastestMs < AT_ONCE_MS, `connect resolved only after ${fastestMs} ms (${what})`);
      }
    },
  },
];

async function expectInvalid(fixture: Fixture, endpoints: readonly string[]): Promise<void> {
  const dialer = await fixture.create();
  for (const endpoint of endpoints) {
    const connecting = dialer.connect(endpoint);
    const rejection = rejectsWith(connecting, 'INVALID_ENDPOINT');
    assert.ok(await settlesWithoutIO(connecting), `connect did not reject ${JSON.stringify(endpoint)} at once`);
    await rejection;
  }
}
