import { randomBytes } from 'node:crypto';
import { connect, createServer } from 'node:http2';
import { buffer } from 'node:stream/consumers';
import type { TransportError } from '@rpcplugin/transport-core';
import { describe, expect, it } from 'vitest';
import { MemoryTransport } from '../src/index.js';
import { describeTransport } from '../src/vitest.js';
import { hasty, memory, patient } from './subjects.js';

describeTransport(memory);

describe('without capabilities', () => {
  describeTransport({ create: memory.create });
});

describe('with graceMs 0 by default', () => {
  describeTransport(hasty);
});

describe('with a long waitMs by default and late handler calls', () => {
  describeTransport(patient);
});

it.each(['', 5, null])('rejects the name %j with INVALID_ARGUMENT', (name) => {
  expect(() => new MemoryTransport({ name: name as string })).toThrow(
    expect.objectContaining({ code: 'INVALID_ARGUMENT', hint: expect.any(String) as string }) as Error,
  );
});

it.each([
  ['a memory:name', 'a memory:name'],
  ['memory:', 'memory:'],
  [5, undefined],
])('rejects the endpoint %j with INVALID_ENDPOINT and names it if it is a string', async (endpoint, named) => {
  const error: unknown = await new MemoryTransport().connect(endpoint as string).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: 'INVALID_ENDPOINT' });
  expect((error as TransportError).endpoint).toBe(named);
});

it('carries HTTP/2 while both ends send as much as they can', async () => {
  const [listener, dialer] = [new MemoryTransport(), new MemoryTransport()];
  const server = createServer().on('stream', (call) => call.pipe(call));
  const endpoint = await listener.listen({ onConnection: (connection) => server.emit('connection', connection) });
  const near = await dialer.connect(endpoint);
  const client = connect('http://localhost', { createConnection: () => near });
  const body = randomBytes(2 ** 20);
  const calls = Array.from({ length: 4 }, () => client.request({ ':method': 'POST' }).end(body));
  for (const answer of await Promise.all(calls.map((call) => buffer(call)))) expect(body.equals(answer)).toBe(true);
  client.destroy();
  await Promise.all([listener.close({ graceMs: 0 }), dialer.close({ graceMs: 0 })]);
});
