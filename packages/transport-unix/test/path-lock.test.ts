import { EventEmitter, once } from 'node:events';
import { join } from 'node:path';
import { freshDirectory, rejectionOf, turns } from '@rpcplugin/test-support';
import { Operation } from '@rpcplugin/transport-base';
import { TransportError } from '@rpcplugin/transport-core';
import { expect, it, onTestFinished } from 'vitest';
import { HeldDirectory } from '../src/held-directory.js';
import { withPathLock } from '../src/path-lock.js';

const nothing = (): Promise<void> => Promise.resolve();

/** Takes the locks of names in a new directory. */
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

/** Something under way until it is ended. */
function pending(): { action: () => Promise<void>; begun: Promise<unknown>; end: () => void } {
  const events = new EventEmitter();
  const begun = once(events, 'begun');
  const action = async (): Promise<void> => {
    events.emit('begun');
    await once(events, 'end');
  };
  return { action, begun, end: () => void events.emit('end') };
}

it('what is done at one path is done one after the other, however many want to', async () => {
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

it('the next has its turn when the first has failed, and gets what its own action resolves with', async () => {
  const lock = await locks();
  const reason = new Error('mine');
  const first = lock('p.sock', () => Promise.reject(reason));
  const second = lock('p.sock', () => Promise.resolve('done'));
  await expect(first).rejects.toBe(reason);
  expect(await second).toBe('done');
});

it('other names in the directory, and the same name in others, are not waited for', async () => {
  const [lock, elsewhere] = [await locks(), await locks()];
  const first = pending();
  const holding = lock('p.sock', first.action);
  await first.begun;
  await lock('other.sock', nothing);
  await elsewhere('p.sock', nothing);
  first.end();
  await holding;
});

it('whoever waits can be given up, and the next has its turn all the same', async () => {
  const lock = await locks();
  const first = pending();
  const holding = lock('p.sock', first.action);
  await first.begun;
  const operation = new Operation('test');
  const waiting = lock('p.sock', nothing, operation);
  const next = lock('p.sock', nothing);
  // By then it has found the lock taken.
  await turns(10);
  const reason = new TransportError('ABORTED', 'enough');
  operation.cancel(reason);
  await expect(waiting).rejects.toBe(reason);
  first.end();
  await Promise.all([holding, next]);
});

it('whoever waits for 5 s is told that somebody is stuck there: ADDRESS_IN_USE', async () => {
  const lock = await locks();
  const first = pending();
  const holding = lock('p.sock', first.action);
  await first.begun;
  const begun = performance.now();
  const error = await rejectionOf(lock('p.sock', nothing));
  expect(performance.now() - begun).toBeGreaterThan(4900);
  expect(error).toMatchObject({ code: 'ADDRESS_IN_USE', hint: expect.stringContaining('ss -xlp') as string });
  first.end();
  await holding;
});
