import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { stuckServer } from '../src/index.js';

it('stuckServer neither accepts nor refuses TCP connections until it ends', async () => {
  const { address, end } = await stuckServer({ host: '127.0.0.1', port: 0 });
  if (typeof address === 'string') throw new Error('unreachable');
  const { port } = address;
  const events: string[] = [];
  const socket = connect({ host: '127.0.0.1', port });
  socket.on('connect', () => events.push('connect')).on('error', () => events.push('error'));
  onTestFinished(() => void socket.destroy());
  // Any other attempt at a local address would have completed before this one.
  await once(connect({ host: '127.0.0.1', port: 1 }), 'error').catch(() => undefined);
  expect(events).toEqual([]);
  await end();
  await expect(once(connect({ host: '127.0.0.1', port }), 'connect')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});

it.runIf(process.platform === 'linux')(
  'stuckServer keeps the backlog of a unix socket full until it ends',
  async () => {
    const directory = await mkdtemp(join(tmpdir(), 'stuck-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    const path = join(directory, 's');
    const { address, end } = await stuckServer({ path });
    expect(address).toBe(path);
    await expect(once(connect(path), 'connect')).rejects.toMatchObject({ code: 'EAGAIN' });
    await end();
    await expect(once(connect(path), 'connect')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  },
);
