import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import type { Pair } from '../fixture.js';
import { runElsewhere } from '../other-process.js';
import { closed, connected, echoes, flowsOnceResumed, inputArrives, receive, receiveAll } from '../streams.js';
import { NEVER_MS, turns, TURNS, until } from '../waiting.js';
import type { CaseDefinition } from './definition.js';

/** Bytes that exceed all buffers between two ends. */
const LARGE = 16 * 2 ** 20;
const CHUNK = 2 ** 16;
/** Bytes that the buffers between two ends hold, also those of a pipe, in each direction. */
const SMALL = 2 ** 14;

export const connectionCases: readonly CaseDefinition[] = [
  {
    requirement: 'C1',
    title: 'carries data both ways',
    async run(fixture) {
      const { near, far } = await fixture.pair();
      assert.ok(await connected(near, far), 'the data did not arrive');
    },
  },
  {
    requirement: 'C1',
    title: 'keeps early data until the dialer reads',
    async run(fixture) {
      const { near, far } = await fixture.pair();
      assert.notEqual(near.readableFlowing, true, 'the connection flows already');
      far.write('early');
      await inputArrives(near);
      await turns(TURNS);
      assert.equal((await receive(near, 5)).toString(), 'early');
    },
  },
  {
    requirement: 'C1',
    title: 'keeps a connection paused until the dialer resumes it (pauseOnConnect: true)',
    async run(fixture) {
      const { near, far } = await fixture.pair({ connect: { pauseOnConnect: true } });
      await flowsOnceResumed(near, far);
    },
  },
  {
    requirement: 'C1',
    title: 'completes small writes at both ends while neither reads',
    async run(fixture) {
      const { near, far } = await fixture.pair();
      let pending = 0;
      for (const end of [near, far, near, far]) {
        pending++;
        end.write(Buffer.alloc(SMALL), () => pending--);
      }
      await until(() => pending === 0).catch(() => assert.fail('a write waits for the peer to read'));
      await Promise.all([receive(near, 2 * SMALL), receive(far, 2 * SMALL)]);
    },
  },
  ...(['near', 'far'] as const).flatMap((side): CaseDefinition[] => [
    {
      requirement: 'C1',
      title: `delivers data after the write has returned, not within it (the ${side} end writes)`,
      async run(fixture) {
        const [writer, reader] = endsOf(await fixture.pair(), side);
        let isWriting = false;
        let isWithin = false;
        reader.on('data', () => {
          isWithin ||= isWriting;
        });
        for (let i = 0; i < 3; i++) {
          // By then, the reader waits for data.
          await turns(TURNS);
          isWriting = true;
          writer.write('data');
          isWriting = false;
        }
        writer.end();
        await once(reader, 'end');
        assert.ok(!isWithin, 'the reader got data within the write');
      },
    },
    {
      requirement: 'C1',
      title: `holds back the writer while the peer does not read (the ${side} end writes)`,
      async run(fixture) {
        const { endpoint } = await fixture.echoServer();
        const other = await fixture.dial(endpoint);
        const [writer, reader] = endsOf(await fixture.pair(), side);
        let flushed = false;
        for (let sent = 0; sent < LARGE; sent += CHUNK) writer.write(Buffer.alloc(CHUNK));
        writer.write('the last', () => {
          flushed = true;
        });
        // Enough time for all data to arrive many times over.
        for (let i = 0; i < 50; i++) await echoes(other);
        assert.equal(flushed, false, 'the transport accepted all data at once');
        assert.ok(reader.readableLength < 2 ** 20, `the reader has buffered ${reader.readableLength} bytes`);
      },
    },
    {
      requirement: 'C1',
      title: `closes a blocked writer when its peer is destroyed (the ${side} end writes)`,
      async run(fixture) {
        const [writer, reader] = endsOf(await fixture.pair(), side);
        for (let sent = 0; sent < LARGE; sent += CHUNK) writer.write(Buffer.alloc(CHUNK));
        await inputArrives(reader);
        reader.destroy();
        await closed(writer);
      },
    },
    {
      requirement: 'C1',
      title: `delivers all held-back data in order once the peer reads (the ${side} end writes)`,
      async run(fixture) {
        const sent = randomBytes(LARGE);
        const [writer, reader] = endsOf(await fixture.pair(), side);
        for (let at = 0; at < LARGE; at += CHUNK) writer.write(sent.subarray(at, at + CHUNK));
        await inputArrives(reader);
        await turns(TURNS);
        assert.ok(sent.equals(await receive(reader, LARGE)), 'different data arrived');
      },
    },
    {
      requirement: 'C1',
      title: `ends a connection when its peer ends, without allowHalfOpen (the ${side} end ends first)`,
      async run(fixture) {
        const [ends, follows] = endsOf(await fixture.pair(), side);
        ends.resume().end();
        follows.resume();
        await Promise.all([closed(ends), closed(follows)]);
      },
    },
    {
      requirement: 'C1',
      title: `keeps a connection writable after its peer ends, with allowHalfOpen (the ${side} end ends first)`,
      async run(fixture) {
        const options = side === 'near' ? { listen: { allowHalfOpen: true } } : { connect: { allowHalfOpen: true } };
        const [asks, answers] = endsOf(await fixture.pair(options), side);
        asks.end('the question');
        assert.equal((await receiveAll(answers)).toString(), 'the question');
        answers.end('the answer');
        assert.equal((await receiveAll(asks)).toString(), 'the answer');
      },
    },
  ]),
  {
    requirement: 'C1',
    title: 'delivers what both ends write at once, even to a slow process',
    needsAddress: true,
    needs: ['module'],
    async run(fixture) {
      const greet = async (far: Duplex): Promise<void> => {
        far.write('hello ');
        const slow = (await receiveAll(far)).toString();
        far.end(await fixture.dial(slow, { timeoutMs: NEVER_MS }).then(echoes).then(String, String));
      };
      const endpoint = await (await fixture.create()).listen({ onConnection: greet, allowHalfOpen: true });
      const answer = await runElsewhere(fixture.capability('module'), 'slow', endpoint);
      assert.equal(answer, 'hello true', `the slow process got ${JSON.stringify(answer)}`);
    },
  },
  {
    requirement: 'C1',
    title: 'sets transport.endpoint to that of the last connect unless it listens',
    needsAddress: true,
    async run(fixture) {
      const [first, second] = [await fixture.echoServer(), await fixture.echoServer()];
      const dialer = await fixture.create();
      await dialer.connect(first.endpoint);
      await dialer.connect(second.endpoint);
      assert.equal(dialer.endpoint, second.endpoint);
      await first.listener.connect(second.endpoint);
      assert.equal(first.listener.endpoint, first.endpoint);
    },
  },
];

/** Returns the end of the given side, then the other. */
function endsOf({ near, far }: Pair, side: 'near' | 'far'): [Duplex, Duplex] {
  return side === 'near' ? [near, far] : [far, near];
}
