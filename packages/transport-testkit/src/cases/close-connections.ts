import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { Accepted, closed, echo, echoes, inputArrives } from '../streams.js';
import { durationWithin, NEVER_MS, turns, TURNS, until } from '../waiting.js';
import type { CaseDefinition } from './definition.js';

/** Bytes that exceed all buffers between two ends. */
const LARGE = 8 * 2 ** 20;
const CHUNK = 2 ** 16;

export const closeConnectionCases: readonly CaseDefinition[] = [
  {
    requirement: 'X2',
    title: 'releases the address while connections are still open',
    needsAddress: true,
    async run(fixture) {
      const { listener, endpoint, far } = await fixture.stubbornPair();
      const closing = listener.close({ graceMs: NEVER_MS });
      await until(async () => !(await fixture.canConnect(endpoint)));
      assert.equal(far.destroyed, false, 'the connection ended before its grace period was over');
      await Promise.all([closing, listener.close({ graceMs: 0 })]);
      assert.equal(await fixture.canConnect(endpoint), false);
    },
  },
  {
    requirement: 'X2',
    title: 'leaves the next listener at its address alone',
    needs: ['createAt'],
    async run(fixture) {
      const { listener, endpoint } = await fixture.stubbornPair();
      const closing = listener.close();
      await until(async () => !(await fixture.canConnect(endpoint)));
      await (await fixture.createAt(endpoint)).listen({ onConnection: echo });
      await Promise.all([closing, listener.close({ graceMs: 0 })]);
      assert.ok(await echoes(await fixture.dial(endpoint)), 'the echo did not come back');
    },
  },
  ...(['near', 'far'] as const).flatMap((side): CaseDefinition[] => [
    {
      requirement: 'X2',
      title: `delivers data written before close to a peer that reads slowly (the ${side} end closes)`,
      async run(fixture) {
        const pair = await fixture.pair();
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
      title: `delivers data written before close despite unread input (the ${side} end closes)`,
      async run(fixture) {
        const pair = await fixture.pair();
        const [closes, reads] = side === 'near' ? [pair.near, pair.far] : [pair.far, pair.near];
        const sent = randomBytes(LARGE);
        writeInChunks(reads, sent);
        await inputArrives(closes);
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
    title: 'discards unread input despite a listener for readable',
    async run(fixture) {
      const { listener, near, far } = await fixture.pair();
      far.on('readable', () => undefined);
      writeInChunks(near, Buffer.alloc(LARGE));
      await inputArrives(far);
      near.resume();
      await listener.close({ graceMs: NEVER_MS });
      await closed(near);
    },
  },
  {
    requirement: 'X2',
    title: 'delivers data written before close while the handler echoes and the peer keeps sending',
    async run(fixture) {
      const accepted = new Accepted();
      const listener = await fixture.create();
      const endpoint = await listener.listen({
        onConnection: (connection) => {
          accepted.onConnection(connection);
          writeInChunks(connection, Buffer.alloc(LARGE));
          echo(connection);
        },
      });
      const peer = await fixture.dial(endpoint);
      writeInChunks(peer, Buffer.alloc(LARGE));
      await accepted.at(0);
      await inputArrives(peer);
      const closing = listener.close({ graceMs: NEVER_MS });
      const received = await readSlowly(peer);
      await closing;
      assert.ok(received.length >= LARGE, `${received.length} of ${LARGE} bytes arrived`);
    },
  },
  {
    requirement: 'X2',
    title: 'resolves close only after all connections have ended',
    needsAddress: true,
    async run(fixture) {
      const accepted = new Accepted();
      const listener = await fixture.create();
      const endpoint = await listener.listen(accepted);
      for (let i = 0; i < 5; i++) (await fixture.dial(endpoint)).resume();
      await accepted.at(4);
      await listener.close({ graceMs: NEVER_MS });
      assert.ok(
        accepted.connections.every(({ destroyed }) => destroyed),
        'a connection is still open',
      );
    },
  },
  {
    requirement: 'X2',
    title: 'destroys a connection after graceMs, not earlier, when its peer does not end it',
    async run(fixture) {
      const { listener, far, peer } = await fixture.stubbornPair();
      const tookMs = await durationWithin(150, 'close', () => listener.close({ graceMs: 150 }));
      assert.ok(tookMs > 148, `close took only ${tookMs} ms`);
      assert.ok(far.destroyed, 'the connection is still open');
      peer.write('more');
      await closed(peer);
    },
  },
  {
    requirement: 'X2',
    title: 'destroys a connection after graceMs when its peer does not read',
    async run(fixture) {
      const { listener, far } = await fixture.pair();
      writeInChunks(far, randomBytes(LARGE));
      await durationWithin(50, 'close', () => listener.close({ graceMs: 50 }));
      assert.ok(far.destroyed, 'the connection is still open');
    },
  },
  {
    requirement: 'X2',
    title: 'destroys connections at once with graceMs 0',
    async run(fixture) {
      const { listener, far } = await fixture.stubbornPair();
      await durationWithin(0, 'close', () => listener.close({ graceMs: 0 }));
      assert.ok(far.destroyed, 'the connection is still open');
    },
  },
];

/** Writes in chunks, since a transport could pass on a single one whole. */
function writeInChunks(stream: Duplex, data: Buffer): void {
  for (let at = 0; at < data.length; at += CHUNK) stream.write(data.subarray(at, at + CHUNK));
}

/** Reads to the end, one chunk in every other turn of the event loop. */
async function readSlowly(stream: Duplex): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    await turns(2);
  }
  return Buffer.concat(chunks);
}
