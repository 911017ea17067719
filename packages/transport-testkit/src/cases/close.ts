import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { rejectionOf, rejectsWith } from '../bench.js';
import type { Bench } from '../bench.js';
import { runElsewhere } from '../other-process.js';
import { Accepted, closed, connected, echo, echoes } from '../streams.js';
import { durationOf, NEVER_MS, PROMPT_MS, turns, TURNS, until } from '../waiting.js';
import type { CaseDefinition } from './definition.js';

/** More than all buffers between two ends hold. */
const LARGE = 8 * 2 ** 20;
const CHUNK = 2 ** 16;

export const closeCases: readonly CaseDefinition[] = [
  {
    requirement: 'X1',
    title: 'close can be called again, and of a transport that was never used',
    async run(bench) {
      const { listener } = await bench.pair();
      await listener.close({ graceMs: 0 });
      await listener.close();
      await (await bench.create()).close();
    },
  },
  {
    requirement: 'X1',
    title: 'close can be called from inside the handler',
    async run(bench) {
      const listener = await bench.create();
      let closing: Promise<void> | undefined;
      const endpoint = await listener.listen({
        onConnection: () => {
          closing = listener.close();
          return closing;
        },
      });
      (await bench.dial(endpoint)).resume();
      await until(() => closing !== undefined);
      await closing;
      assert.equal(listener.endpoint, undefined);
    },
  },
  {
    requirement: 'X1',
    title: 'concurrent callers all wait until the last connection has ended',
    async run(bench) {
      const { listener, far } = await bench.stubbornPair();
      const outcomes = [0, 1, 2].map(() => listener.close({ graceMs: 100 }).then(() => far.destroyed));
      assert.deepEqual(await Promise.all(outcomes), [true, true, true]);
    },
  },
  ...[NEVER_MS, Infinity].map((graceMs): CaseDefinition => ({
    requirement: 'X1',
    title: `a later caller can shorten a grace of ${graceMs}`,
    async run(bench) {
      const { listener } = await bench.stubbornPair();
      const first = listener.close({ graceMs });
      await turns(5);
      const tookMs = await durationOf(() => Promise.all([first, listener.close({ graceMs: 50 })]));
      assert.ok(tookMs < 50 + PROMPT_MS, `it took ${tookMs} ms`);
    },
  })),
  {
    requirement: 'X1',
    title: 'a later caller can not lengthen the grace',
    async run(bench) {
      const { listener } = await bench.stubbornPair();
      const tookMs = await durationOf(() => {
        const first = listener.close({ graceMs: 50 });
        return Promise.all([first, listener.close({ graceMs: NEVER_MS }), listener.close()]);
      });
      assert.ok(tookMs < 50 + PROMPT_MS, `it took ${tookMs} ms`);
    },
  },
  {
    requirement: 'X1',
    title: 'a close with a grace that is none rejects and closes nothing',
    async run(bench) {
      const { listener, endpoint } = await bench.echoServer();
      await rejectsWith(listener.close({ graceMs: -1 }), 'INVALID_ARGUMENT');
      assert.ok(await echoes(await bench.dial(endpoint)), 'what was sent did not come back');
    },
  },
  {
    requirement: 'X2',
    title: 'the address is given up, even while connections have still to end',
    async run(bench) {
      const { listener, endpoint, far } = await bench.stubbornPair();
      const closing = listener.close({ graceMs: NEVER_MS });
      await until(async () => !(await bench.canConnect(endpoint)));
      assert.equal(far.destroyed, false, 'the connection was not given its grace');
      await Promise.all([closing, listener.close({ graceMs: 0 })]);
      assert.equal(await bench.canConnect(endpoint), false);
    },
  },
  {
    requirement: 'X2',
    title: 'whoever listens there next is left alone',
    needs: ['createAt'],
    async run(bench) {
      const { listener, endpoint } = await bench.stubbornPair();
      const closing = listener.close();
      await until(async () => !(await bench.canConnect(endpoint)));
      await (await bench.createAt(endpoint)).listen({ onConnection: echo });
      await Promise.all([closing, listener.close({ graceMs: 0 })]);
      assert.ok(await echoes(await bench.dial(endpoint)), 'what was sent did not come back');
    },
  },
  ...(['near', 'far'] as const).flatMap((side): CaseDefinition[] => [
    {
      requirement: 'X2',
      title: `what was written before arrives at a peer that reads slowly (the ${side} end is closed)`,
      async run(bench) {
        const pair = await bench.pair();
        const sent = randomBytes(LARGE);
        writeInChunks(pair[side], sent);
        const closing = (side === 'near' ? pair.dialer : pair.listener).close({ graceMs: NEVER_MS });
        await turns(TURNS);
        const received = await readSlowly(side === 'near' ? pair.far : pair.near);
        await closing;
        assert.ok(sent.equals(received), `${received.length} of ${sent.length} bytes arrived`);
      },
    },
    {
      requirement: 'X2',
      title: `what was written arrives though there is unread input (the ${side} end is closed)`,
      async run(bench) {
        const pair = await bench.pair();
        const [closes, reads] = side === 'near' ? [pair.near, pair.far] : [pair.far, pair.near];
        const sent = randomBytes(LARGE);
        writeInChunks(reads, sent);
        await until(() => closes.readableLength > 0);
        writeInChunks(closes, sent);
        const closing = (side === 'near' ? pair.dialer : pair.listener).close({ graceMs: NEVER_MS });
        const received = await readSlowly(reads);
        await closing;
        assert.ok(sent.equals(received), `${received.length} of ${sent.length} bytes arrived`);
      },
    },
  ]),
  {
    requirement: 'X2',
    title: 'unread input is discarded though somebody listens for it to be readable',
    async run(bench) {
      const { listener, near, far } = await bench.pair();
      far.on('readable', () => undefined);
      writeInChunks(near, Buffer.alloc(LARGE));
      await until(() => far.readableLength > 0);
      near.resume();
      await listener.close({ graceMs: NEVER_MS });
      await closed(near);
    },
  },
  {
    requirement: 'X2',
    title: 'what was written arrives though the handler echoes and the peer goes on sending',
    async run(bench) {
      const accepted = new Accepted();
      const listener = await bench.create();
      const endpoint = await listener.listen({
        onConnection: (connection) => {
          accepted.onConnection(connection);
          writeInChunks(connection, Buffer.alloc(LARGE));
          echo(connection);
        },
      });
      const peer = await bench.dial(endpoint);
      writeInChunks(peer, Buffer.alloc(LARGE));
      await accepted.at(0);
      await until(() => peer.readableLength > 0);
      const closing = listener.close({ graceMs: NEVER_MS });
      const received = await readSlowly(peer);
      await closing;
      assert.ok(received.length >= LARGE, `${received.length} of ${LARGE} bytes arrived`);
    },
  },
  {
    requirement: 'X2',
    title: 'all connections have ended when it resolves',
    async run(bench) {
      const accepted = new Accepted();
      const listener = await bench.create();
      const endpoint = await listener.listen(accepted);
      for (let i = 0; i < 5; i++) (await bench.dial(endpoint)).resume();
      await accepted.at(4);
      await listener.close({ graceMs: NEVER_MS });
      assert.ok(
        accepted.connections.every(({ destroyed }) => destroyed),
        'a connection lives on',
      );
    },
  },
  {
    requirement: 'X2',
    title: 'a peer that does not end has until graceMs, and is cut off then',
    async run(bench) {
      const { listener, far, peer } = await bench.stubbornPair();
      const tookMs = await durationOf(() => listener.close({ graceMs: 150 }));
      assert.ok(tookMs > 148, `it was cut off after ${tookMs} ms`);
      assert.ok(tookMs < 150 + PROMPT_MS, `it was cut off only after ${tookMs} ms`);
      assert.ok(far.destroyed, 'the connection lives on');
      peer.write('more');
      await closed(peer);
    },
  },
  {
    requirement: 'X2',
    title: 'a peer that does not read is cut off at graceMs',
    async run(bench) {
      const { listener, far } = await bench.pair();
      writeInChunks(far, randomBytes(LARGE));
      const tookMs = await durationOf(() => listener.close({ graceMs: 50 }));
      assert.ok(tookMs < 50 + PROMPT_MS, `it was cut off only after ${tookMs} ms`);
      assert.ok(far.destroyed, 'the connection lives on');
    },
  },
  {
    requirement: 'X2',
    title: 'with graceMs 0 connections are cut off at once',
    async run(bench) {
      const { listener, far } = await bench.stubbornPair();
      const tookMs = await durationOf(() => listener.close({ graceMs: 0 }));
      assert.ok(tookMs < PROMPT_MS, `it took ${tookMs} ms`);
      assert.ok(far.destroyed, 'the connection lives on');
    },
  },
  {
    requirement: 'X3',
    title: 'nothing is left of a listener, a dialer and their connections',
    async run(bench) {
      await bench.leavesNothing(async () => {
        const { listener, dialer, near, far } = await bench.pair();
        assert.ok(await connected(near, far), 'what was sent did not arrive');
        await Promise.all([listener.close(), dialer.close()]);
      });
    },
  },
  {
    requirement: 'X3',
    title: 'nothing is left of connections that were cut off',
    async run(bench) {
      await bench.leavesNothing(async () => {
        const { listener, peer } = await bench.stubbornPair();
        await listener.close({ graceMs: 0 });
        peer.destroy();
      });
    },
  },
  {
    requirement: 'X3',
    title: 'nothing is left of a connect that failed',
    async run(bench) {
      const endpoints = await Promise.all(bench.absences().map(async ({ make }) => make()));
      await bench.leavesNothing(async () => {
        const dialer = await bench.create();
        for (const endpoint of endpoints) await rejectionOf(dialer.connect(endpoint, { waitMs: 20 }));
        await dialer.close();
      });
    },
  },
  {
    requirement: 'X3',
    title: 'a process whose transports have closed holds nothing any more and ends by itself',
    needs: ['module'],
    async run(bench) {
      assert.equal(await runElsewhere(bench.subject, 'lifecycle'), '[]');
    },
  },
  {
    requirement: 'X4',
    title: 'a pending listen rejects CLOSED, and leaves nothing',
    async run(bench) {
      await bench.leavesNothing(async () => {
        const transport = await bench.create();
        const listening = rejectsWith(transport.listen(), 'CLOSED');
        await transport.close();
        await listening;
      });
    },
  },
  {
    requirement: 'X4',
    title: 'a connect that waits for its endpoint rejects CLOSED, and leaves nothing',
    async run(bench) {
      const endpoint = await bench.nobody();
      await expectClosed(bench, endpoint);
    },
  },
  {
    requirement: 'X4',
    title: 'a connect to a listener that does not answer rejects CLOSED, and leaves nothing',
    needs: ['stuck'],
    async run(bench) {
      await expectClosed(bench, await bench.stuck());
    },
  },
  {
    requirement: 'X4',
    title: 'a connect that is pending at any moment rejects CLOSED or has its connection ended',
    async run(bench) {
      const { endpoint } = await bench.echoServer();
      for (let turn = 0; turn < TURNS; turn++) {
        const dialer = await bench.create();
        const outcome = dialer.connect(endpoint).then(
          (connection) => connection,
          (error: unknown) => (error as { code?: string }).code,
        );
        await turns(turn);
        await dialer.close();
        const connection = await outcome;
        if (typeof connection === 'object') assert.ok(connection.destroyed, 'the connection lives on');
        else assert.equal(connection, 'CLOSED');
      }
    },
  },
  ...(['pending', 'over'] as const).map((state): CaseDefinition => ({
    requirement: 'X4',
    title: `listen and connect reject CLOSED while a close is ${state}`,
    async run(bench) {
      const { endpoint } = await bench.echoServer();
      const { listener } = await bench.stubbornPair();
      const closing = listener.close({ graceMs: 50 });
      if (state === 'over') await closing;
      await rejectsWith(listener.listen(), 'CLOSED');
      await rejectsWith(listener.connect(endpoint), 'CLOSED');
      await closing;
    },
  })),
  {
    requirement: 'X4',
    title: 'there is no endpoint after close',
    async run(bench) {
      const { listener, dialer } = await bench.pair();
      await Promise.all([listener.close(), dialer.close()]);
      assert.deepEqual([listener.endpoint, dialer.endpoint], [undefined, undefined]);
    },
  },
  {
    requirement: 'X5',
    title: '`await using` closes, also when its block throws',
    async run(bench) {
      let escaped: string | undefined;
      const failing = async (): Promise<void> => {
        await using transport = await bench.create();
        escaped = await transport.listen();
        throw new Error('from the block');
      };
      assert.equal(((await rejectionOf(failing())) as Error).message, 'from the block');
      assert.equal(await bench.canConnect(escaped ?? ''), false);
    },
  },
  {
    requirement: 'X5',
    title: 'stopListening can be called again, at the same time, without a listener and after close',
    async run(bench) {
      const listener = await bench.create();
      await listener.stopListening();
      const endpoint = await listener.listen();
      await Promise.all([listener.stopListening(), listener.stopListening()]);
      await listener.stopListening();
      assert.equal(await bench.canConnect(endpoint), false);
      await listener.close();
      await listener.stopListening();
    },
  },
  {
    requirement: 'X5',
    title: 'after stopListening the transport can listen again',
    async run(bench) {
      const listener = await bench.create();
      await listener.listen();
      await listener.stopListening();
      assert.equal(listener.endpoint, undefined);
      assert.ok(await bench.canConnect(await listener.listen()), 'nobody can connect');
    },
  },
  {
    requirement: 'X5',
    title: 'stopListening frees the address for another listener, which keeps it',
    needs: ['createAt'],
    async run(bench) {
      const { listener, endpoint } = await bench.echoServer();
      await listener.stopListening();
      assert.equal(await (await bench.createAt(endpoint)).listen({ onConnection: echo }), endpoint);
      await listener.close();
      assert.ok(await echoes(await bench.dial(endpoint)), 'what was sent did not come back');
    },
  },
  {
    requirement: 'X5',
    title: 'stopListening keeps connections, and close ends them',
    async run(bench) {
      const { listener, near, far } = await bench.pair();
      await listener.stopListening();
      await turns(TURNS);
      assert.ok(await connected(near, far), 'what was sent did not arrive');
      near.resume();
      await listener.close({ graceMs: NEVER_MS });
      await closed(near);
    },
  },
  {
    requirement: 'X5',
    title: 'stopListening rejects a pending listen with CLOSED and leaves nothing',
    async run(bench) {
      await bench.leavesNothing(async () => {
        const transport = await bench.create();
        const listening = rejectsWith(transport.listen(), 'CLOSED');
        await transport.stopListening();
        await listening;
      });
    },
  },
];

async function expectClosed(bench: Bench, endpoint: string): Promise<void> {
  await bench.leavesNothing(async () => {
    const dialer = await bench.create();
    const connecting = rejectsWith(dialer.connect(endpoint, { waitMs: NEVER_MS, timeoutMs: NEVER_MS }), 'CLOSED');
    await turns(5);
    await dialer.close();
    await connecting;
  });
}

/** Not in one piece, which could be passed on as one. */
function writeInChunks(stream: Duplex, data: Buffer): void {
  for (let at = 0; at < data.length; at += CHUNK) stream.write(data.subarray(at, at + CHUNK));
}

/** Reads a little in each turn of the event loop, to the end. */
async function readSlowly(stream: Duplex): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    await turns(2);
  }
  return Buffer.concat(chunks);
}
