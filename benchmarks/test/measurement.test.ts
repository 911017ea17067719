import { describe, expect, it } from 'vitest';
import { compare, isReached } from '../src/measurement.js';
import type { Goal, Metric, Result, Subject } from '../src/measurement.js';

const ignore = (): void => undefined;

/** Gives these values in turn, the first in the warm-up round, and adds its name to `order` each time. */
function subject(name: string, values: (number | number[])[], order: string[] = []): Subject<'value'> {
  return {
    name,
    sample: () => {
      order.push(name);
      return Promise.resolve({ value: values.shift() ?? NaN });
    },
  };
}

async function result(goal: Goal, ours: (number | number[])[], baseline: number[]): Promise<Result | undefined> {
  const metric: Metric = { title: 'test', unit: 'ms', better: 'lower', goal };
  const comparison = { metrics: { value: metric }, ours: subject('ours', ours), baseline: subject('theirs', baseline) };
  const [first] = await compare(comparison, ours.length - 1, ignore);
  return first;
}

describe('compare', () => {
  it('measures all subjects in every round, in alternating order', async () => {
    const order: string[] = [];
    const [ours, baseline, peer] = ['a', 'b', 'c'].map((name) => subject(name, [], order));
    if (!ours || !baseline || !peer) throw new Error('unreachable');
    const metrics = { value: { title: 'test', unit: 'ms', better: 'lower' } } as const;
    await compare({ metrics, ours, baseline, peers: [peer] }, 2, ignore);
    expect(order.join('')).toBe('abccbaabc');
  });

  it('reports every round', async () => {
    const rounds: number[] = [];
    const metrics = { value: { title: 'test', unit: 'ms', better: 'lower' } } as const;
    await compare({ metrics, ours: subject('a', [1, 2, 3]) }, 2, (round) => rounds.push(round));
    expect(rounds).toEqual([0, 1, 2]);
  });

  it('does not count the first round', async () => {
    const found = await result({ of: 'median', atMost: 1 }, [1000, 1, 2, 3], [1000, 1, 1, 1]);
    expect(found?.ours).toMatchObject({ low: 1.5, median: 2, high: 2.5, rounds: [[1], [2], [3]] });
  });

  it('compares round by round, so that a slow round affects both', async () => {
    const found = await result({ of: 'ratio', atMost: 1.5 }, [0, 20, 2, 200], [0, 10, 1, 100]);
    expect(found?.ratio).toEqual({ low: 2, median: 2, high: 2 });
    expect(found?.difference?.median).toBe(10);
  });

  it('counts the first round when every sample is fresh', async () => {
    const metrics = { value: { title: 'test', unit: 'ms', better: 'lower' } } as const;
    const [found] = await compare({ metrics, ours: subject('a', [5, 6, 7]), fresh: true }, 2, ignore);
    expect(found?.ours.rounds).toEqual([[5], [6]]);
  });

  it('takes the 99th percentile of all values of all rounds', async () => {
    const values = Array.from({ length: 101 }, (_, i) => i);
    const found = await result({ of: 'p99', atMost: 99 }, [[], values, values], [1, 1, 1]);
    expect(found?.reached).toBeCloseTo(99, 0);
  });
});

describe('isReached', () => {
  it.each<[Goal, number, number, boolean]>([
    [{ of: 'ratio', atMost: 1.02 }, 102, 100, true],
    [{ of: 'ratio', atMost: 1.02 }, 103, 100, false],
    [{ of: 'ratio', atLeast: 1.3 }, 130, 100, true],
    [{ of: 'ratio', atLeast: 1.3 }, 129, 100, false],
    [{ of: 'difference', atMost: 5 }, 105, 100, true],
    [{ of: 'difference', atMost: 5 }, 106, 100, false],
    [{ of: 'median', atMost: 2 }, 2, 100, true],
    [{ of: 'median', atMost: 2 }, 3, 100, false],
  ])('%j with %d against %d: %s', async (goal, ours, baseline, reached) => {
    const found = await result(goal, [0, ours, ours], [0, baseline, baseline]);
    expect(found && isReached(found)).toBe(reached);
  });

  it('is undefined without a goal', async () => {
    const metrics = { value: { title: 'test', unit: 'ms', better: 'lower' } } as const;
    const [found] = await compare({ metrics, ours: subject('a', [1, 1]) }, 1, ignore);
    expect(found && isReached(found)).toBeUndefined();
  });
});
