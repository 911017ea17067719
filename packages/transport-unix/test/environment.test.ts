import { mkdir, readdir, realpath, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { freshDirectory, pathOf, staleSocketAt } from '@rpcplugin/test-support';
import { describe, expect, it } from 'vitest';
import { startConfined } from './confined.js';
import { saysHello, plainServer, transport } from './support.js';

/** How long an answer may take that a child must give at once, in milliseconds, on a busy machine. */
const AT_ONCE_MS = 20_000;

describe('automatic listen', () => {
  it.each([
    { temporary: 'tmp', place: 'tmp' },
    { temporary: './tmp', place: 'tmp' },
    { temporary: '.', place: '' },
    { temporary: 'tmp/../tmp/', place: 'tmp' },
  ])('resolves the relative TMPDIR $temporary', async ({ temporary, place }) => {
    const directory = await freshDirectory();
    await mkdir(join(directory, 'tmp'));
    const child = await startConfined([], { cwd: directory, env: { XDG_RUNTIME_DIR: '', TMPDIR: temporary } });
    const { endpoint = '' } = await child.ask({ do: 'listen' });
    expect(dirname(dirname(pathOf(endpoint)))).toBe(join(directory, place));
    expect(await child.ask({ do: 'connect', endpoint })).toEqual({ endpoint });
    expect(await child.ask({ do: 'close' })).toEqual({});
    expect(await readdir(join(directory, place))).toEqual(place === '' ? ['tmp'] : []);
  });

  it.each(['', '/tmp\n', '/tmp/\x7f', 'tmp\r', 'absent', '/absent', '/proc/self/task', '/dev/null'])(
    'passes over TMPDIR %j',
    async (temporary) => {
      const child = await startConfined([], { env: { XDG_RUNTIME_DIR: '', TMPDIR: temporary } });
      const { endpoint = '' } = await child.ask({ do: 'listen' });
      expect(endpoint).toMatch(/^unix:\/tmp\/rpcplugin-/);
      expect(await child.ask({ do: 'connect', endpoint })).toEqual({ endpoint });
      expect(await child.ask({ do: 'close' })).toEqual({});
    },
  );

  it.each(['\n', '/run\n', 'run', '.', '/run/\x1b[31m', '/proc/nope'])(
    'passes over XDG_RUNTIME_DIR %j',
    async (runtime) => {
      const directory = await freshDirectory();
      const child = await startConfined([], { env: { XDG_RUNTIME_DIR: runtime, TMPDIR: directory } });
      const { endpoint = '' } = await child.ask({ do: 'listen' });
      expect(dirname(dirname(pathOf(endpoint)))).toBe(directory);
    },
  );

  it.each(['tmp', '.', ''])('works with TMPDIR %j in a removed working directory', async (temporary) => {
    const directory = join(await freshDirectory(), 'removed');
    await mkdir(directory);
    const child = await startConfined([], { env: { XDG_RUNTIME_DIR: '', TMPDIR: temporary } });
    await child.ask({ do: 'enter', directory, andRemove: true });
    const { endpoint = '' } = await child.ask({ do: 'listen' });
    expect(endpoint).toMatch(/^unix:\/tmp\/rpcplugin-/);
    expect(await child.ask({ do: 'connect', endpoint })).toEqual({ endpoint });
    expect(await child.ask({ do: 'close' })).toEqual({});
  });
});

// In a child, which can be killed: `mkdir` with `recursive` never returns for some of these.
describe('listen below a directory of /proc that does not exist', () => {
  // Larger than any process ID: proc_sys_kernel(5).
  const gone = '/proc/4194305/root/tmp';

  it.each([
    { path: '/proc/x/s' },
    { path: '/proc/x/y/z/s' },
    { directory: '/proc/nope' },
    { directory: '/proc/nope/nope' },
    { path: `${gone}/p` },
    { directory: gone },
    { directory: `${gone}/a/b` },
    { path: '/proc/self/fd/1000000/p' },
    { path: '/proc/self/nope/p' },
  ])('rejects with NOT_FOUND at once: $path$directory', async (options) => {
    const child = await startConfined([]);
    const killing = setTimeout(() => void child.kill(), AT_ONCE_MS);
    const { error } = await child.ask({ do: 'listen', options });
    clearTimeout(killing);
    expect(error).toMatchObject({ code: 'NOT_FOUND', hint: expect.any(String) as string });
  });
});

describe('in a removed working directory', () => {
  it.each([
    { do: 'listen', options: { path: 'rel.sock' } },
    { do: 'listen', options: { path: './a/rel.sock' } },
    { do: 'listen', options: { path: '../rel.sock' } },
    { do: 'listen', options: { path: 'unix:rel.sock' } },
    { do: 'listen', options: { directory: 'rel' } },
    { do: 'listen', options: { directory: '.' } },
    { do: 'connect', endpoint: 'unix:rel.sock' },
    { do: 'connect', endpoint: './rel.sock' },
  ] as const)('%j rejects with a TransportError', async (command) => {
    const directory = join(await freshDirectory(), 'removed');
    await mkdir(directory);
    const child = await startConfined([]);
    await child.ask({ do: 'enter', directory, andRemove: true });
    // Any other error would end the child.
    expect((await child.ask(command)).error).toMatchObject({ code: 'NOT_FOUND', hint: expect.any(String) as string });
  });

  it('an absolute path works', async () => {
    const parent = await freshDirectory();
    const [directory, path] = [join(parent, 'removed'), join(parent, 'p.sock')];
    await mkdir(directory);
    const child = await startConfined([]);
    await child.ask({ do: 'enter', directory, andRemove: true });
    expect(await child.ask({ do: 'listen', options: { path } })).toEqual({ endpoint: `unix:${path}`, warnings: [] });
    expect(await child.ask({ do: 'connect', endpoint: path })).toEqual({ endpoint: `unix:${path}` });
  });
});

describe('`..` after a symbolic link', () => {
  /** `current` links to `releases/1`, so that the kernel takes `current/../run` for `releases/run`. */
  async function makeReleases(): Promise<string> {
    const directory = await freshDirectory();
    await mkdir(join(directory, 'releases/1'), { recursive: true });
    await mkdir(join(directory, 'releases/run'));
    await mkdir(join(directory, 'run'));
    await symlink('releases/1', join(directory, 'current'));
    return directory;
  }

  it('leads listen, connect and the endpoint to where the kernel goes', async () => {
    const directory = await makeReleases();
    const path = `${directory}/current/../run/p.sock`;
    const endpoint = await transport({ path }).listen();
    expect(endpoint).toBe(`unix:${directory}/releases/run/p.sock`);
    expect(await realpath(path)).toBe(pathOf(endpoint));
    await transport().connect(endpoint);
    await transport().connect(`unix:${path}`);
    expect(await readdir(join(directory, 'run'))).toEqual([]);
  });

  it('leads connect to where the kernel goes', async () => {
    const directory = await makeReleases();
    const path = `${directory}/current/../run/p.sock`;
    await plainServer(path);
    expect(await saysHello(path)).toBe(true);
    const client = transport();
    await client.connect(`unix:${path}`);
    await transport().connect(String(client.endpoint));
  });

  it('leads the directory option and a relative path to where the kernel goes', async () => {
    const directory = await makeReleases();
    await staleSocketAt(`${directory}/current/../run/p.sock`);
    const child = await startConfined([], { cwd: directory });
    const [{ endpoint: byDirectory = '' }, { endpoint: byPath }] = [
      await child.ask({ do: 'listen', options: { directory: 'current/../run' } }),
      await child.ask({ do: 'listen', options: { path: 'current/../run/p.sock' } }),
    ];
    expect(dirname(pathOf(byDirectory))).toBe(join(directory, 'releases/run'));
    expect(byPath).toBe(`unix:${directory}/releases/run/p.sock`);
    const endpoint = 'unix:current/../run/p.sock';
    expect(await child.ask({ do: 'connect', endpoint })).toEqual({ endpoint });
  });
});
