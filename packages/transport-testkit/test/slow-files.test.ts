import fs, { readFile, statSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { slowFiles } from '../src/slow-files.js';
import { durationOf } from '../src/waiting.js';

const SLOW_MS = 40;
const file = new URL(import.meta.url);

/** Functions that each call `node:fs` once. */
const calls: [string, () => Promise<unknown>][] = [
  ['a synchronous call', () => Promise.resolve(statSync(file))],
  ['a call of the default export', () => Promise.resolve(fs.readFileSync(file))],
  ['a call with a callback', () => promisify(readFile)(file)],
  ['a call of node:fs/promises', () => stat(file)],
];

function slowed(): () => void {
  const restore = slowFiles(SLOW_MS);
  onTestFinished(restore);
  return restore;
}

it.each(calls)('slows down %s', async (_, call) => {
  slowed();
  // A timer may fire up to a millisecond early.
  expect(await durationOf(call)).toBeGreaterThan(SLOW_MS - 2);
});

it('blocks the process in a synchronous call, as the call itself does', () => {
  slowed();
  const begun = performance.now();
  statSync(file);
  expect(performance.now() - begun).toBeGreaterThan(SLOW_MS - 2);
});

it('passes on results and errors', async () => {
  slowed();
  expect(statSync(file).isFile()).toBe(true);
  expect((await stat(file)).isFile()).toBe(true);
  await expect(stat(new URL('none', file))).rejects.toMatchObject({ code: 'ENOENT' });
  expect(() => statSync(new URL('none', file))).toThrow('ENOENT');
});

it('restores the functions, also for modules that imported them by name', () => {
  const before = [statSync, fs.statSync, readFile, stat];
  const restore = slowed();
  expect([statSync, fs.statSync, readFile, stat].map((each, i) => each === before[i])).not.toContain(true);
  restore();
  expect([statSync, fs.statSync, readFile, stat].map((each, i) => each === before[i])).not.toContain(false);
});
