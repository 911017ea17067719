import { spawnSync } from 'node:child_process';
import { turns, typescript } from '@rpcplugin/test-support';
import { describe, expect, it } from 'vitest';
import { Cleanup } from '../src/index.js';

describe('Cleanup', () => {
  it.each(['normally', 'by process.exit', 'by an uncaught exception'])(
    'runs the remaining steps, latest first and without waiting, when the process ends %s',
    (how) => {
      const [node, ...args] = typescript(new URL('children/cleanup-on-exit.ts', import.meta.url), how);
      const { stdout } = spawnSync(node, args, { encoding: 'utf8' });
      expect(stdout.trim().split('\n')).toEqual(['finished', 'fourth', 'second, up to its await', 'first']);
    },
  );

  it('runs synchronous steps in one turn of the event loop', () => {
    const order: string[] = [];
    const cleanup = new Cleanup();
    cleanup.defer(() => void order.push('first'));
    cleanup.defer(() => void order.push('second'));
    void cleanup.run();
    expect(order).toEqual(['second', 'first']);
  });

  it('waits for each step before it runs the next', async () => {
    const order: string[] = [];
    const cleanup = new Cleanup();
    cleanup.defer(() => void order.push('first'));
    cleanup.defer(async () => {
      await turns(1);
      order.push('second');
    });
    await cleanup.run();
    expect(order).toEqual(['second', 'first']);
  });

  it('runs each step once', async () => {
    let runs = 0;
    const cleanup = new Cleanup();
    cleanup.defer(() => {
      runs++;
    });
    await Promise.all([cleanup.run(), cleanup.run()]);
    await cleanup.run();
    expect(runs).toBe(1);
  });

  it('runs all steps, and rejects with the first error', async () => {
    const order: string[] = [];
    const cleanup = new Cleanup();
    cleanup.defer(() => void order.push('last'));
    cleanup.defer(() => Promise.reject(new Error('later')));
    cleanup.defer(() => {
      throw new Error('earlier');
    });
    await expect(cleanup.run()).rejects.toThrow('earlier');
    expect(order).toEqual(['last']);
  });

  it('has a process exit hook only while steps remain', async () => {
    const before = process.listenerCount('exit');
    const cleanups = [new Cleanup(), new Cleanup()];
    for (const cleanup of cleanups) cleanup.defer(() => undefined);
    expect(process.listenerCount('exit')).toBe(before + 1);
    await cleanups[0]?.run();
    expect(process.listenerCount('exit')).toBe(before + 1);
    await cleanups[1]?.run();
    expect(process.listenerCount('exit')).toBe(before);
  });
});
