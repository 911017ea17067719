import { createHash } from 'node:crypto';
import { chown, mkdir, readdir, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freshDirectory, isRoot, otherUser, pathOf, staleSocketAt, until } from '@rpcplugin/test-support';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { bundleChild } from './bundle.js';
import { startProcess, startThread } from './racers.js';
import { openResources, startChild, transport } from './support.js';

const racer = await bundleChild('racer');

it('removes a leftover staging directory at once, even with a timestamp in the future', async () => {
  const directory = await freshDirectory();
  const hash = createHash('sha256').update('p.sock').digest('base64url').slice(0, 8);
  const left = join(directory, `.rpcplugin-${hash}-abcdef`);
  await mkdir(left, { mode: 0o700 });
  await utimes(left, new Date(Date.now() + 60_000), new Date(Date.now() + 60_000));
  await transport({ path: join(directory, 'p.sock') }).listen();
  expect(await readdir(directory)).toEqual(['p.sock']);
});

describe('leftover private directories', () => {
  let runtimeDirectory: string;

  beforeEach(async () => {
    runtimeDirectory = await freshDirectory();
    vi.stubEnv('XDG_RUNTIME_DIR', runtimeDirectory);
    vi.stubEnv('TMPDIR', runtimeDirectory);
    return () => vi.unstubAllEnvs();
  });

  const minutesAgo = (minutes: number): Date => new Date(Date.now() - minutes * 60_000);

  /** The entries of the directory, without this process's own. */
  async function others(own: string): Promise<string[]> {
    return (await readdir(runtimeDirectory)).filter((name) => !own.includes(name)).sort();
  }

  it('of a killed process are removed by the next listen', async () => {
    const killed = await startProcess(racer);
    const left = pathOf(await killed.ask({ listen: {} }));
    await killed.kill();
    expect((await stat(left)).isSocket()).toBe(true);
    const before = openResources();
    const listener = transport();
    expect(await others(await listener.listen())).toEqual([]);
    await listener.close();
    await until(() => openResources() <= before, { timeoutMs: 2000 });
  });

  it('of a terminated worker thread are removed by the next listen in the same process', async () => {
    const killed = await startThread(racer);
    await killed.ask({ listen: {} });
    await killed.kill();
    expect(await readdir(runtimeDirectory)).toHaveLength(1);
    expect(await others(await transport().listen())).toEqual([]);
  });

  it('of an interrupted listen are removed with the socket in their staging directory', async () => {
    const left = join(runtimeDirectory, 'rpcplugin-4194305-abcdef');
    await mkdir(join(left, '.rpcplugin-12345678-abcdef'), { recursive: true });
    await staleSocketAt(join(left, '.rpcplugin-12345678-abcdef/s'));
    expect(await others(await transport().listen())).toEqual([]);
  });

  it('stay while a process or thread listens in them', async () => {
    const endpoints = [];
    for (const start of [startProcess, startThread]) {
      endpoints.push(await (await start(racer)).ask({ listen: {} }));
    }
    await transport().listen();
    for (const endpoint of endpoints) await transport().connect(endpoint, { waitMs: 0 });
  });

  it('stay while a process that cannot be seen listens in them, such as in another container', async () => {
    const directory = join(runtimeDirectory, 'rpcplugin-4194305-abcdef');
    await mkdir(directory);
    const endpoint = await transport({ directory }).listen();
    await transport().listen();
    await transport().connect(endpoint, { waitMs: 0 });
  });

  it('stay if they have another name or type, or contain other files', async () => {
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

  it('stay while their process lives, however old and empty', async () => {
    const left = `rpcplugin-${process.ppid}-abcdef`;
    await mkdir(join(runtimeDirectory, left));
    await utimes(join(runtimeDirectory, left), minutesAgo(60), minutesAgo(60));
    expect(await others(await transport().listen())).toEqual([left]);
  });

  it.runIf(isRoot)('stay while their process lives, even as another user', async () => {
    const left = `rpcplugin-${process.pid}-abcdef`;
    await mkdir(join(runtimeDirectory, left));
    await utimes(join(runtimeDirectory, left), minutesAgo(60), minutesAgo(60));
    for (const path of [runtimeDirectory, join(runtimeDirectory, left)]) {
      await chown(path, otherUser.uid, otherUser.gid);
    }
    const child = await startChild({ ...otherUser, env: { TSX_DISABLE_CACHE: '1' } });
    const { endpoint = '' } = await child.ask({ do: 'listen' });
    expect(await others(endpoint)).toEqual([left]);
  });

  it('stay if they are empty and new, as their process may be about to listen', async () => {
    const [fresh, old] = ['rpcplugin-4194305-abcdef', 'rpcplugin-4194305-ghijkl'];
    for (const name of [fresh, old]) await mkdir(join(runtimeDirectory, name));
    await utimes(join(runtimeDirectory, old), minutesAgo(2), minutesAgo(2));
    expect(await others(await transport().listen())).toEqual([fresh]);
  });
});
