import type { TransportError } from '@rpcplugin/transport-core';
import { describe, expect, it } from 'vitest';
import { MemoryTransport } from '../src/index.js';
import { describeTransport } from '../src/vitest.js';
import { oneConnection } from './one-connection.js';
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

describe('with one connection', () => {
  describeTransport(oneConnection);
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
