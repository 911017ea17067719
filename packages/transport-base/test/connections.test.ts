import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { settlesWithin, timers } from '@rpcplugin/test-support';
import { describe, expect, it } from 'vitest';
import { endConnection } from '../src/connections.js';
import { ConnectionSet } from '../src/index.js';

function setOf(...connections: PassThrough[]): ConnectionSet<PassThrough> {
  const set = new ConnectionSet<PassThrough>((connection) => connection.destroy());
  for (const connection of connections) set.add(connection);
  return set;
}

describe('ConnectionSet', () => {
  it('holds the open connections', async () => {
    const [one, two] = [new PassThrough(), new PassThrough()];
    const set = setOf(one, two);
    one.destroy();
    await new Promise((resolve) => one.once('close', resolve));
    expect([...set]).toEqual([two]);
  });

  it('resolves `ended` at once without connections', async () => {
    await expect(setOf().ended()).resolves.toBeUndefined();
  });

  it('resolves `ended` when the last connection closes', async () => {
    const [one, two] = [new PassThrough(), new PassThrough()];
    const order: string[] = [];
    const ended = setOf(one, two)
      .ended()
      .then(() => order.push('ended'));
    one.once('close', () => setImmediate(() => two.destroy()));
    two.once('close', () => order.push('two'));
    one.destroy();
    await ended;
    expect(order).toEqual(['two', 'ended']);
  });

  it('destroys connections still open after the grace period', async () => {
    const connection = new PassThrough();
    const set = setOf(connection);
    await set.close(5, () => set.ended());
    expect(connection.destroyed).toBe(true);
  });

  it('counts the connections it destroyed, not those that closed by themselves', async () => {
    const [one, two, three] = [new PassThrough(), new PassThrough(), new PassThrough()];
    const set = setOf(one, two, three);
    one.destroy();
    await new Promise((resolve) => one.once('close', resolve));
    await set.close(5, () => set.ended());
    expect(set.destroyed).toBe(2);
  });

  it.each([
    [5, 60_000],
    [60_000, 5],
    [Infinity, 5],
    [5, Infinity],
  ])('destroys after the shorter grace period of %s and %s ms', async (first, second) => {
    const set = setOf(new PassThrough());
    const closing = set.close(first, () => set.ended());
    const both = Promise.all([closing, set.close(second, () => set.ended())]);
    expect(await settlesWithin(2000, both)).toBe(true);
    expect(set.destroyed).toBe(1);
  });

  it('destroys nothing before the grace period is over', async () => {
    const connection = new PassThrough();
    const set = setOf(connection);
    const closing = set.close(0, () => set.ended());
    expect(connection.destroyed).toBe(false);
    await closing;
  });

  it('clears its timer when the last connection closes', async () => {
    const connection = new PassThrough();
    const set = setOf(connection);
    const before = timers();
    const closing = set.close(60_000, () => set.ended());
    expect(timers()).toBe(before + 1);
    connection.destroy();
    await closing;
    expect(timers()).toBeLessThanOrEqual(before);
  });

  it('starts no grace period after it has closed', async () => {
    const set = setOf();
    await set.close(5, () => set.ended());
    const before = timers();
    await set.close(0, () => set.ended());
    expect(timers()).toBeLessThanOrEqual(before);
  });

  it('closes once, and all callers share the outcome', async () => {
    const set = setOf();
    const failure = new Error('mine');
    let calls = 0;
    const close = (): Promise<void> => {
      calls++;
      return Promise.reject(failure);
    };
    const outcomes = await Promise.allSettled([set.close(5, close), set.close(5, close)]);
    expect(outcomes.map((outcome) => (outcome as PromiseRejectedResult).reason as unknown)).toEqual([failure, failure]);
    expect(calls).toBe(1);
  });

  it('reports isClosing from the first close on', async () => {
    const set = setOf();
    expect(set.isClosing).toBe(false);
    const closing = set.close(5, () => set.ended());
    expect(set.isClosing).toBe(true);
    await closing;
    expect(set.isClosing).toBe(true);
  });

  it('reports the rest of the grace period as graceLeftMs', async () => {
    const connection = new PassThrough();
    const set = setOf(connection);
    expect(set.graceLeftMs).toBe(Infinity);
    const closing = set.close(60_000, () => set.ended());
    expect(set.graceLeftMs).toBeGreaterThan(50_000);
    expect(set.graceLeftMs).toBeLessThanOrEqual(60_000);
    connection.destroy();
    await closing;
    expect(set.graceLeftMs).toBe(0);
  });
});

it('endConnection discards all that is buffered, despite a listener for readable', async () => {
  // Each read returns one object.
  const connection = new PassThrough({ objectMode: true });
  connection.on('readable', () => undefined);
  for (const each of [1, 2, 3]) connection.write(each);
  await once(connection, 'readable');
  const closed = once(connection, 'close');
  endConnection(connection);
  expect(await settlesWithin(2000, closed)).toBe(true);
});
