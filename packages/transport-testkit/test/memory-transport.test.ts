import type { TransportError } from '@rpcplugin/transport-core';
import { describe, expect, it } from 'vitest';
import { MemoryTransport } from '../src/index.js';
import { describeTransport } from '../src/vitest.js';
import { hasty, memory, patient } from './subjects.js';

describeTransport(memory);

describe('without anything that it can do beyond the contract', () => {
  describeTransport({ create: memory.create });
});

describe('with another default of graceMs', () => {
  describeTransport(hasty);
});

describe('with another default of waitMs, and slow to hand over connections', () => {
  describeTransport(patient);
});

it.each(['', 5, null])('%j is no name: INVALID_ARGUMENT', (name) => {
  expect(() => new MemoryTransport({ name: name as string })).toThrow(
    expect.objectContaining({ code: 'INVALID_ARGUMENT', hint: expect.any(String) as string }) as Error,
  );
});

it.each([
  ['a memory:name', 'a memory:name'],
  ['memory:', 'memory:'],
  [5, undefined],
])('%j is no endpoint: INVALID_ENDPOINT, which names it if it is text', async (endpoint, named) => {
  const error: unknown = await new MemoryTransport().connect(endpoint as string).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: 'INVALID_ENDPOINT' });
  expect((error as TransportError).endpoint).toBe(named);
});
