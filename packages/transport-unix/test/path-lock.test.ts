import { lstatSync, symlinkSync } from 'node:fs';
import { readdir, readlink, symlink, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freshDirectory, settlesWithin, settlesWithoutIO, turns } from '@rpcplugin/test-support';
import { Cleanup, Operation } from '@rpcplugin/transport-base';
import { TransportError } from '@rpcplugin/transport-core';
import { beforeEach, expect, it, onTestFinished, vi } from 'vitest';
import { ownedName, ownerState } from '../src/owner.js';
import { breakIfAbandoned, lock } from '../src/path-lock.js';
import { nameOfGone, nameOfUnknown } from './support.js';

let directory: string;
let path: string;
let warnings: string[];

beforeEach(async () => {
  directory = await freshDirectory();
  path = join(directory, 'lock');
  warnings = [];
});

/** Takes a lock and resolves with a function that releases it. */
async function take(at = path, operation = new Operation('test')): Promise<() => Promise<void>> {
  const cleanup = new Cleanup();
  await lock(at, { operation, warn: (what) => warnings.push(what) }, cleanup);
  return () => cleanup.run();
}

it('names its owner and leaves nothing behind', async () => {
  const release = await take();
  expect(lstatSync(path).isSymbolicLink()).toBe(true);
  expect(ownerState(await readlink(path))).toBe('alive');
  await release();
  expect(await readdir(directory)).toEqual([]);
});

it('lets one holder in at a time', async () => {
  let [running, most, done] = [0, 0, 0];
  const hold = async (): Promise<void> => {
    const release = await take();
    most = Math.max(most, ++running);
    await turns(1);
    running--;
    done++;
    await release();
  };
  await Promise.all(Array.from({ length: 30 }, hold));
  expect({ most, done }).toEqual({ most: 1, done: 30 });
});

it('does not wait for the holder of another lock', async () => {
  const release = await take();
  await (
    await take(join(directory, 'other'))
  )();
  await release();
});

it('takes over the lock of an owner that is gone', async () => {
  await symlink(nameOfGone('lock'), path);
  const release = await take();
  expect(ownerState(await readlink(path))).toBe('alive');
  await release();
  expect(await readdir(directory)).toEqual([]);
});

it('lets one of many take over the lock of an owner that is gone', async () => {
  for (let round = 0; round < 20; round++) {
    // Its owner ended while it broke such a lock in turn.
    for (const name of [path, `${path}~`]) symlinkSync(nameOfGone('lock'), name);
    let [running, most] = [0, 0];
    const hold = async (): Promise<void> => {
      const release = await take();
      most = Math.max(most, ++running);
      await turns(1);
      running--;
      await release();
    };
    await Promise.all(Array.from({ length: 8 }, hold));
    expect(most).toBe(1);
    expect(await readdir(directory)).toEqual([]);
  }
});

it.each([
  { what: 'a lock of an unknown owner', put: () => symlink(nameOfUnknown('lock'), path) },
  { what: 'another symbolic link', put: () => symlink('anything', path) },
  { what: 'a file', put: () => writeFile(path, '') },
])('goes on without the lock 50 ms after $what was created, and leaves it alone', async ({ put }) => {
  await put();
  const before = lstatSync(path, { bigint: true });
  // For a live owner, it would wait for 5 s.
  expect(await settlesWithin(4000, take())).toBe(true);
  // The clocks of file systems and timers are a few milliseconds apart.
  expect(Date.now() - Number(before.ctimeMs)).toBeGreaterThanOrEqual(45);
  expect(warnings).toEqual(['another process holds the lock of the path']);
  expect(lstatSync(path, { bigint: true }).ino).toBe(before.ino);
  // The next one has nothing to wait for.
  expect(await settlesWithoutIO(take())).toBe(true);
});

it('waits for a live owner for longer than for an unknown one', async () => {
  const release = await take();
  const operation = new Operation('test', { timeoutMs: 200 });
  const waiting = take(path, operation);
  await expect(waiting).rejects.toMatchObject({ code: 'TIMEOUT' });
  await release();
});

it('stops waiting when the operation is cancelled, and lets the next one in', async () => {
  const release = await take();
  const operation = new Operation('test');
  const waiting = take(path, operation);
  const next = take();
  await turns(10);
  const reason = new TransportError('ABORTED', 'aborted by the test');
  operation.cancel(reason);
  await expect(waiting).rejects.toBe(reason);
  await release();
  await (
    await next
  )();
  expect(await readdir(directory)).toEqual([]);
});

it('does not remove the lock of the next owner on release', async () => {
  const release = await take();
  const other = ownedName('lock');
  await unlink(path);
  await symlink(other, path);
  await release();
  expect(await readlink(path)).toBe(other);
});

it('rejects with ENOENT if the directory is missing', async () => {
  await expect(take(join(directory, 'missing/lock'))).rejects.toMatchObject({ code: 'ENOENT' });
});

it.each([
  { owner: 'of an unknown owner', target: nameOfUnknown('lock') },
  { owner: 'whose target is no owner', target: 'anything' },
])('takes over a lock $owner after a minute, and not before', async ({ target }) => {
  await symlink(target, path);
  const createdMs = Number(lstatSync(path, { bigint: true }).ctimeNs) / 1e6;
  vi.useFakeTimers({ toFake: ['Date'], now: Math.floor(createdMs) + 60_000 });
  onTestFinished(() => void vi.useRealTimers());
  await breakIfAbandoned(path);
  expect(await readlink(path)).toBe(target);
  vi.setSystemTime(Math.ceil(createdMs) + 60_001);
  await breakIfAbandoned(path);
  expect(await readdir(directory)).toEqual([]);
});

it('a live lock is not broken, however old, nor is a lock that was released', async () => {
  const release = await take();
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 1e9 });
  onTestFinished(() => void vi.useRealTimers());
  await breakIfAbandoned(path);
  expect(ownerState(await readlink(path))).toBe('alive');
  await release();
  await breakIfAbandoned(path);
  expect(await readdir(directory)).toEqual([]);
});

it('goes on without the lock, with the cause in a warning, where links cannot be created', async () => {
  const causes: unknown[] = [];
  const cleanup = new Cleanup();
  // A name that is too long.
  const longPath = join(directory, 'x'.repeat(256));
  await lock(longPath, { operation: new Operation('test'), warn: (...warning) => causes.push(warning) }, cleanup);
  expect(causes).toEqual([['the path could not be locked', expect.objectContaining({ code: 'ENAMETOOLONG' })]]);
  await cleanup.run();
  expect(await readdir(directory)).toEqual([]);
});

it('goes on without the lock of a live owner 5 s after it was taken', async () => {
  await take();
  const takenMs = Number(lstatSync(path, { bigint: true }).ctimeNs) / 1e6;
  vi.useFakeTimers({ toFake: ['Date'], now: Math.ceil(takenMs) + 5001 });
  onTestFinished(() => void vi.useRealTimers());
  await take();
  expect(warnings).toEqual(['another process holds the lock of the path']);
});
