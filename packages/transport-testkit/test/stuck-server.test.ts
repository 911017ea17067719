import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { settlesWithin } from '@rpcplugin/test-support';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
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

describe('stuckServer at a path', () => {
  let path = '';

  beforeEach(async () => {
    const directory = await mkdtemp(join(tmpdir(), 'stuck-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    path = join(directory, 's');
  });

  it.runIf(process.platform === 'linux')('keeps the backlog full until it ends', async () => {
    const { address, end } = await stuckServer({ path });
    expect(address).toBe(path);
    await expect(once(connect(path), 'connect')).rejects.toMatchObject({ code: 'EAGAIN' });
    await end();
    await expect(once(connect(path), 'connect')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('rejects with what its process says when that cannot listen', async () => {
    path = join(path, 'below', 's');
    const starting = stuckServer({ path });
    expect(await settlesWithin(20_000, starting)).toBe(true);
    await expect(starting).rejects.toThrow(/the stuck server ended with 1: [^]*listen E/);
  });

  it.runIf(process.platform === 'linux')('ends even if its process was killed', async () => {
    const { end } = await stuckServer({ path });
    const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
    const lines = pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => ''));
    const found = (await Promise.all(lines)).findIndex((line) => line.includes(path));
    process.kill(Number(pids[found]), 'SIGKILL');
    expect(await settlesWithin(20_000, end())).toBe(true);
    await expect(once(connect(path), 'connect')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });
});
