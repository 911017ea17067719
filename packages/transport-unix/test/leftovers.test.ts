import { createHash } from 'node:crypto';
import { chown, mkdir, readdir, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freshDirectory, isRoot, otherUser, pathOf, staleSocketAt, until } from '@rpcplugin/test-support';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { bundleChild } from './bundle.js';
import { startProcess, startThread } from './racers.js';
import { held, startOther, transport } from './support.js';

const racer = await bundleChild('racer');

it('a staging directory that was left is swept at once, though its time is ahead of the clock', async () => {
  const directory = await freshDirectory();
  const hash = createHash('sha256').update('p.sock').digest('base64url').slice(0, 8);
  const left = join(directory, `.rpcplugin-${hash}-abcdef`);
  await mkdir(left, { mode: 0o700 });
  await utimes(left, new Date(Date.now() + 60_000), new Date(Date.now() + 60_000));
  await transport({ path: join(directory, 'p.sock') }).listen();
  expect(await readdir(directory)).toEqual(['p.sock']);
});

describe('what was left in the automatic location', () => {
  let runtimeDirectory: string;

  beforeEach(async () => {
    runtimeDirectory = await freshDirectory();
    vi.stubEnv('XDG_RUNTIME_DIR', runtimeDirectory);
    vi.stubEnv('TMPDIR', runtimeDirectory);
    return () => vi.unstubAllEnvs();
  });

  const minutesAgo = (minutes: number): Date => new Date(Date.now() - minutes * 60_000);

  /** Everything in the directory but this process's own. */
  async function others(own: string): Promise<string[]> {
    return (await readdir(runtimeDirectory)).filter((name) => !own.includes(name)).sort();
  }

  it('by a killed process is swept on the next start', async () => {
    const killed = await startProcess(racer);
    const left = pathOf(await killed.ask({ listen: {} }));
    await killed.kill();
    expect((await stat(left)).isSocket()).toBe(true);
    const before = held();
    const listener = transport();
    expect(await others(await listener.listen())).toEqual([]);
    await listener.close();
    await until(() => held() <= before, { timeoutMs: 1000 });
  });

  it('by a terminated worker thread is swept on the next start in the same process', async () => {
    const killed = await startThread(racer);
    await killed.ask({ listen: {} });
    await killed.kill();
    expect(await readdir(runtimeDirectory)).toHaveLength(1);
    expect(await others(await transport().listen())).toEqual([]);
  });

  it('in the middle of a listen is swept, with the socket that was being prepared', async () => {
    const left = join(runtimeDirectory, 'rpcplugin-4194305-abcdef');
    await mkdir(join(left, '.rpcplugin-12345678-abcdef'), { recursive: true });
    await staleSocketAt(join(left, '.rpcplugin-12345678-abcdef/s'));
    expect(await others(await transport().listen())).toEqual([]);
  });

  it('is not touched while a process or thread listens there', async () => {
    const endpoints = [];
    for (const start of [startProcess, startThread]) {
      endpoints.push(await (await start(racer)).ask({ listen: {} }));
    }
    await transport().listen();
    for (const endpoint of endpoints) await transport().connect(endpoint, { waitMs: 0 });
  });

  it('is not touched while somebody listens there of whose process there is no trace, as in another container', async () => {
    const directory = join(runtimeDirectory, 'rpcplugin-4194305-abcdef');
    await mkdir(directory);
    const endpoint = await transport({ directory }).listen();
    await transport().listen();
    await transport().connect(endpoint, { waitMs: 0 });
  });

  it('is not touched if it has another name, another kind or anything but sockets in it', async () => {
    await mkdir(join(runtimeDirectory, 'rpcplugin-old'));
    await mkdir(join(runtimeDirectory, 'my-rpcplugin-4194305-abcdef'));
    await mkdir(join(runtimeDirectory, 'rpcplugin-4194305-abcdefg'));
    await writeFile(join(runtimeDirectory, 'rpcplugin-4194305-abcdef'), 'a file');
    await mkdir(join(runtimeDirectory, 'rpcplugin-4194305-ghijkl'));
    await writeFile(join(runtimeDirectory, 'rpcplugin-4194305-ghijkl/notes'), 'a file');
    for (const name of await readdir(runtimeDirectory)) {
      await utimes(join(runtimeDirectory, name), minutesAgo(60), minutesAgo(60));
    }
    const before = await readdir(runtimeDirectory);
    expect(await others(await transport().listen())).toEqual(before.sort());
  });

  it('is not touched while its process lives, however old and empty it is', async () => {
    const left = `rpcplugin-${process.ppid}-abcdef`;
    await mkdir(join(runtimeDirectory, left));
    await utimes(join(runtimeDirectory, left), minutesAgo(60), minutesAgo(60));
    expect(await others(await transport().listen())).toEqual([left]);
  });

  it.runIf(isRoot)('is not touched while its process lives, though that is of another user', async () => {
    const left = `rpcplugin-${process.pid}-abcdef`;
    await mkdir(join(runtimeDirectory, left));
    await utimes(join(runtimeDirectory, left), minutesAgo(60), minutesAgo(60));
    for (const path of [runtimeDirectory, join(runtimeDirectory, left)]) {
      await chown(path, otherUser.uid, otherUser.gid);
    }
    const child = await startOther({ ...otherUser, env: { TSX_DISABLE_CACHE: '1' } });
    const { endpoint = '' } = await child.ask({ do: 'listen' });
    expect(await others(endpoint)).toEqual([left]);
  });

  it('is removed, if it is empty, only once it is too old to be of somebody who is about to start', async () => {
    const [fresh, old] = ['rpcplugin-4194305-abcdef', 'rpcplugin-4194305-ghijkl'];
    for (const name of [fresh, old]) await mkdir(join(runtimeDirectory, name));
    await utimes(join(runtimeDirectory, old), minutesAgo(2), minutesAgo(2));
    expect(await others(await transport().listen())).toEqual([fresh]);
  });
});
