import { EventEmitter, once } from 'node:events';
import { join } from 'node:path';
import { freshDirectory, rejectionOf, turns } from '@rpcplugin/test-support';
import { Operation } from '@rpcplugin/transport-base';
import { TransportError } from '@rpcplugin/transport-core';
import { expect, it, onTestFinished } from 'vitest';
import { HeldDirectory } from '../src/held-directory.js';
import { withPathLock } from '../src/path-lock.js';

const nothing = (): Promise<void> => Promise.resolve();

/** Returns a function that locks names in a new directory. */
async function locks(): Promise<
  <T>(name: string, action: () => Promise<T>, operation?: Operation) => ReturnType<typeof withPathLock<T>>
> {
  const path = await freshDirectory();
  const directory = HeldDirectory.open(path);
  onTestFinished(() => {
    directory.close();
  });
  return (name, action, operation = new Operation('test')) =>
    withPathLock(join(path, name), directory, operation, action);
}

/** An action that runs until `end` is called. */
function pending(): { action: () => Promise<void>; started: Promise<unknown>; end: () => void } {
  const events = new EventEmitter();
  const started = once(events, 'started');
  const action = async (): Promise<void> => {
    events.emit('started');
    await once(events, 'end');
  };
  return { action, started, end: () => void events.emit('end') };
}

it('runs the actions at one path one at a time', async () => {
  const lock = await locks();
  let [running, most, done] = [0, 0, 0];
  const action = async (): Promise<void> => {
    most = Math.max(most, ++running);
    await turns(1);
    running--;
    done++;
  };
  await Promise.all(Array.from({ length: 30 }, () => lock('p.sock', action)));
  expect({ most, done }).toEqual({ most: 1, done: 30 });
});

it('runs the next action after one fails, and returns its result', async () => {
  const lock = await locks();
  const reason = new Error('failed');
  const first = lock('p.sock', () => Promise.reject(reason));
  const second = lock('p.sock', () => Promise.resolve('done'));
  await expect(first).rejects.toBe(reason);
  expect(await second).toBe('done');
});

it('does not wait for other names, or for the same name in another directory', async () => {
  const [lock, elsewhere] = [await locks(), await locks()];
  const first = pending();
  const holding = lock('p.sock', first.action);
  await first.started;
  await lock('other.sock', nothing);
  await elsewhere('p.sock', nothing);
  first.end();
  await holding;
});

it('cancels a waiting action, and still runs the next one', async () => {
  const lock = await locks();
  const first = pending();
  const holding = lock('p.sock', first.action);
  await first.started;
  const operation = new Operation('test');
  const waiting = lock('p.sock', nothing, operation);
  const next = lock('p.sock', nothing);
  // By then, it waits for the lock.
  await turns(10);
  const reason = new TransportError('ABORTED', 'aborted by the test');
  operation.cancel(reason);
  await expect(waiting).rejects.toBe(reason);
  first.end();
  await Promise.all([holding, next]);
});

it('rejects with ADDRESS_IN_USE if the lock is not free within 5 s', async () => {
  const lock = await locks();
  const first = pending();
  const holding = lock('p.sock', first.action);
  await first.started;
  const started = performance.now();
  const error = await rejectionOf(lock('p.sock', nothing));
  expect(performance.now() - started).toBeGreaterThan(4900);
  expect(error).toMatchObject({ code: 'ADDRESS_IN_USE', hint: expect.stringContaining('ss -xlp') as string });
  first.end();
  await holding;
});
