import { lstatSync, mkdirSync, renameSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freshDirectory, staleSocketAt } from '@rpcplugin/test-support';
import { beforeEach, expect, it, vi } from 'vitest';
import { watchFile } from '../src/file-watch.js';

/** Several times as long as the time between two looks, in milliseconds. */
const LONG_MS = 20_000;

let directory: string;
let path: string;
let warnings: unknown[][];
let stop: () => void;

beforeEach(async () => {
  directory = join(await freshDirectory(), 'd');
  mkdirSync(directory);
  path = join(directory, 's');
  await staleSocketAt(path);
  warnings = [];
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  stop = watchFile(path, lstatSync(path, { bigint: true }), (...warning) => warnings.push(warning));
  return () => vi.useRealTimers();
});

it('a file that stays is not warned of', () => {
  vi.advanceTimersByTime(LONG_MS);
  expect(warnings).toEqual([]);
});

it.each([
  {
    what: 'was removed',
    change: () => {
      unlinkSync(path);
    },
    cause: [],
  },
  {
    what: 'was replaced',
    change: () => {
      writeFileSync(`${path}~`, '');
      renameSync(`${path}~`, path);
    },
    cause: [],
  },
  {
    what: 'cannot be watched any more',
    change: () => {
      renameSync(directory, `${directory}-moved`);
      symlinkSync(directory, directory);
    },
    cause: [expect.objectContaining({ code: 'ELOOP' }) as unknown],
  },
])('a file that $what is warned of once', ({ what, change, cause }) => {
  change();
  vi.advanceTimersByTime(LONG_MS);
  expect(warnings).toEqual([[`the socket file ${what}`, ...cause]]);
});

it('a file that is removed after the end of the watch is not warned of', () => {
  stop();
  unlinkSync(path);
  vi.advanceTimersByTime(LONG_MS);
  expect(warnings).toEqual([]);
});
