import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freshDirectory, rejectionOf } from '@rpcplugin/test-support';
import { expect, it } from 'vitest';
import { staleSocket } from '../src/stale-socket.js';

it('staleSocket rejects a path below a file', async () => {
  const file = join(await freshDirectory(), 'file');
  await writeFile(file, '');
  await expect(staleSocket(join(file, 'p.sock'))).rejects.toMatchObject({ code: 'ENOTDIR' });
});

it('staleSocket names a device in its NOT_A_SOCKET error', async () => {
  const error = await rejectionOf(staleSocket('/dev/null'));
  expect(error).toMatchObject({ code: 'NOT_A_SOCKET', message: expect.stringContaining('a device') as string });
});
