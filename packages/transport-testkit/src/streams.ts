import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { turns, TURNS, until } from './waiting.js';

/** A handler that sends its input back. */
export const echo: (connection: Duplex) => void = (connection) => connection.pipe(connection);

/** Has a handler that collects the accepted connections. */
export class Accepted {
  readonly connections: Duplex[] = [];

  readonly onConnection = (connection: Duplex): void => {
    this.connections.push(connection);
  };

  /** Waits for the connection at the index. */
  async at(index: number): Promise<Duplex> {
    await until(() => this.connections.length > index);
    const connection = this.connections[index];
    if (connection === undefined) throw new Error('unreachable');
    return connection;
  }
}

/** Waits for input, without reading it. */
export async function inputArrives(stream: Duplex): Promise<void> {
  await until(() => stream.readableLength > 0);
}

/** Reads exactly `bytes` bytes and leaves the rest in the stream. */
export async function receive(stream: Duplex, bytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for (let missing = bytes; missing > 0;) {
    const chunk = stream.read(Math.min(missing, Math.max(stream.readableLength, 1))) as Buffer | null;
    if (chunk === null) {
      if (stream.readableEnded || stream.destroyed) throw new Error(`the stream ended ${missing} bytes too early`);
      await activity(stream);
    } else {
      chunks.push(chunk);
      missing -= chunk.length;
    }
  }
  return Buffer.concat(chunks);
}

/** Reads until the peer ends or the stream closes. Unlike a stream's iterator, it leaves the stream writable. */
export async function receiveAll(stream: Duplex): Promise<Buffer> {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  await Promise.race([once(stream, 'end'), closed(stream)]);
  return Buffer.concat(chunks);
}

async function activity(stream: Duplex): Promise<void> {
  const done = new AbortController();
  try {
    await Promise.race(['readable', 'end', 'close'].map((event) => once(stream, event, { signal: done.signal })));
  } finally {
    done.abort();
  }
}

/** Whether data written at either end arrives at the other. */
export async function connected(one: Duplex, other: Duplex): Promise<boolean> {
  return (await arrives(one, other)) && (await arrives(other, one));
}

/** Whether data comes back from a handler that echoes it. */
export async function echoes(stream: Duplex): Promise<boolean> {
  return arrives(stream, stream);
}

async function arrives(from: Duplex, to: Duplex): Promise<boolean> {
  const message = randomUUID();
  from.write(message);
  return (await receive(to, message.length)).toString() === message;
}

/** Expects that no data flows before a paused stream is resumed, and that all of it does afterwards. */
export async function flowsOnceResumed(paused: Duplex, peer: Duplex): Promise<void> {
  let received = '';
  paused.on('data', (data: Buffer) => {
    received += data.toString();
  });
  await new Promise((resolve) => peer.write('early', resolve));
  await turns(TURNS);
  assert.equal(received, '', 'data flowed before the connection was resumed');
  paused.resume();
  await until(() => received === 'early');
}

/** Resolves once the stream is closed, also by an error. */
export async function closed(stream: Duplex): Promise<void> {
  stream.on('error', () => undefined);
  if (!stream.closed) await new Promise((resolve) => stream.once('close', resolve));
}
