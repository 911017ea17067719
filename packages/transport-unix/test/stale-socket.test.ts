import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { freshDirectory, rejectionOf, staleSocketAt } from '@rpcplugin/test-support';
import { expect, it } from 'vitest';
import { assertStale, isStaleSocket } from '../src/stale-socket.js';
import { plainServer } from './support.js';

it('knows a stale socket', async () => {
  const path = join(await freshDirectory(), 's');
  expect(await isStaleSocket(path, path)).toBe(false);
  await staleSocketAt(path);
  expect(await isStaleSocket(path, path)).toBe(true);
  expect(await isStaleSocket(join(path, 'below'), join(path, 'below'))).toBe(false);
});

it('knows a live socket', async () => {
  const path = join(await freshDirectory(), 's');
  await plainServer(path);
  expect(await isStaleSocket(path, path)).toBe(false);
});

it('names a device in its NOT_A_SOCKET error', async () => {
  const stats = await lstat('/dev/null', { bigint: true });
  const error = await rejectionOf(assertStale(stats, '/dev/null', '/dev/null'));
  expect(error).toMatchObject({ code: 'NOT_A_SOCKET', message: expect.stringContaining('a device') as string });
});
