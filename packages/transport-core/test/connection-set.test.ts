import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { ConnectionSet } from '../src/index.js';

function setOf(...connections: PassThrough[]): ConnectionSet<PassThrough> {
  const set = new ConnectionSet<PassThrough>((connection) => connection.destroy());
  for (const connection of connections) set.add(connection);
  return set;
}

describe('ConnectionSet', () => {
  it('holds the connections that are live', async () => {
    const [one, two] = [new PassThrough(), new PassThrough()];
    const set = setOf(one, two);
    one.destroy();
    await new Promise((resolve) => one.once('close', resolve));
    expect([...set]).toEqual([two]);
  });

  it('has ended at once when there are no connections', async () => {
    await expect(setOf().ended()).resolves.toBeUndefined();
  });

  it('has ended when the last connection has gone', async () => {
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

  it('destroys what is left after the grace', async () => {
    const connection = new PassThrough();
    const set = setOf(connection);
    set.limitGrace(5);
    await set.ended();
    expect(connection.destroyed).toBe(true);
  });

  it('counts what it has destroyed, not what has ended by itself', async () => {
    const [one, two, three] = [new PassThrough(), new PassThrough(), new PassThrough()];
    const set = setOf(one, two, three);
    one.destroy();
    await new Promise((resolve) => one.once('close', resolve));
    set.limitGrace(5);
    await set.ended();
    expect(set.destroyed).toBe(2);
  });

  it.each([
    [5, 60_000],
    [60_000, 5],
    [Infinity, 5],
    [5, Infinity],
  ])('with graces of %s and %s ms destroys after the shorter', async (first, second) => {
    const set = setOf(new PassThrough());
    set.limitGrace(first);
    set.limitGrace(second);
    await set.ended();
    expect(set.destroyed).toBe(1);
  });

  it('destroys nothing before the grace is over', () => {
    const connection = new PassThrough();
    const set = setOf(connection);
    set.limitGrace(0);
    expect(connection.destroyed).toBe(false);
    connection.destroy();
  });

  it('holds no timer once it has ended', async () => {
    const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const connection = new PassThrough();
    const set = setOf(connection);
    const before = timers();
    set.limitGrace(60_000);
    expect(timers()).toBe(before + 1);
    connection.destroy();
    await set.ended();
    expect(timers()).toBe(before);
  });

  it('begins no grace once it has ended', async () => {
    const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const set = setOf();
    await set.ended();
    const before = timers();
    set.limitGrace(60_000);
    expect(timers()).toBe(before);
  });
});
