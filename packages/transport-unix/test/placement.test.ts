import { existsSync, rmdirSync, rmSync } from 'node:fs';
import { chmod, chown, lstat, mkdir, readdir, rename, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { text } from 'node:stream/consumers';
import { entriesOf, freshDirectory, isRoot, otherUser, pathOf, rejectionOf, thrownBy } from '@rpcplugin/test-support';
import { socketPathLimitBytes } from '@rpcplugin/transport-base';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { otherGroup, plainServer, saysHello, stagingIn, startChild, transport } from './support.js';

const group = await otherGroup();

describe('path option', () => {
  it('puts the socket at exactly this path and removes it on close', async () => {
    const directory = await freshDirectory();
    const listener = transport({ path: join(directory, 'p.sock') });
    expect(await listener.listen()).toBe(`unix:${directory}/p.sock`);
    expect(await readdir(directory)).toEqual(['p.sock']);
    expect((await lstat(join(directory, 'p.sock'))).isSocket()).toBe(true);
    await listener.close();
    expect(await readdir(directory)).toEqual([]);
  });

  it('accepts a relative path and returns an absolute endpoint', async () => {
    const directory = await freshDirectory();
    const path = relative(process.cwd(), join(directory, 'p.sock'));
    const endpoint = await transport({ path }).listen();
    expect(endpoint).toBe(`unix:${directory}/p.sock`);
    await transport().connect(endpoint);
    await transport().connect(`unix:${path}`);
    await transport().connect(path);
  });

  it.each(['//a.sock', 'sub/../a.sock', './a.sock', 'a.sock'])('normalizes %s', async (name) => {
    const directory = await freshDirectory();
    expect(await transport({ path: `${directory}/${name}` }).listen()).toBe(`unix:${directory}/a.sock`);
    expect(await readdir(directory)).toEqual(['a.sock']);
  });

  it.each(['ä b.sock', 'a|b', '100%', '%2e', 'a:b', '@a', '-rf', '.hidden', '日本', '#?'])(
    'keeps the name %j unchanged',
    async (name) => {
      const directory = await freshDirectory();
      const endpoint = await transport({ path: join(directory, name) }).listen();
      expect(endpoint).toBe(`unix:${directory}/${name}`);
      expect(await readdir(directory)).toEqual([name]);
      await transport().connect(endpoint);
    },
  );
});

describe('parent directories', () => {
  it('are created if missing, for this user only, and removed on close', async () => {
    const directory = await freshDirectory();
    const listener = transport({ path: join(directory, 'a/b/c/p.sock') });
    await listener.listen();
    for (const made of ['a', 'a/b', 'a/b/c']) expect(await modeOf(join(directory, made))).toBe(0o700);
    await listener.close();
    expect(await readdir(directory)).toEqual([]);
  });

  it('stay on close as far as they contain other files', async () => {
    const directory = await freshDirectory();
    const listener = transport({ path: join(directory, 'a/b/c/p.sock') });
    await listener.listen();
    await writeFile(join(directory, 'a/b/other'), '');
    await listener.close();
    expect(await readdir(join(directory, 'a/b'))).toEqual(['other']);
  });

  it('do not disturb close if they are missing', async () => {
    const directory = await freshDirectory();
    const listener = transport({ path: join(directory, 'a/b/p.sock') });
    await listener.listen();
    await rm(join(directory, 'a'), { recursive: true });
    await listener.close();
  });

  it('are removed when listen is cancelled', async () => {
    const directory = await freshDirectory();
    const listener = transport({ path: join(directory, 'a/b/p.sock') });
    const listening = rejectionOf(listener.listen());
    await listener.close();
    await listening;
    expect(await readdir(directory)).toEqual([]);
  });

  it('are not created for an unknown group', async () => {
    const directory = await freshDirectory();
    await rejectionOf(transport({ path: join(directory, 'a/p.sock'), group: 'no-such-group' }).listen());
    expect(await readdir(directory)).toEqual([]);
  });

  it('are removed by the last transport that listens in them, not by their creator', async () => {
    const directory = await freshDirectory();
    const [one, other] = ['1', '2'].map((name) => transport({ path: join(directory, 'a/b', name) }));
    await one?.listen();
    await other?.listen();
    await one?.close();
    expect(await entriesOf(directory)).toEqual(['a', 'a/b', 'a/b/2']);
    await other?.close();
    expect(await readdir(directory)).toEqual([]);
  });

  it('are left alone if another directory replaced them', async () => {
    const directory = await freshDirectory();
    const listener = transport({ path: join(directory, 'a/p.sock') });
    await listener.listen();
    await rename(join(directory, 'a'), join(directory, 'moved'));
    await mkdir(join(directory, 'a'));
    await listener.close();
    expect(await entriesOf(directory)).toEqual(['a', 'moved']);
  });

  it('are created again when another transport removes them at the same time', async () => {
    const directory = await freshDirectory();
    const cycle = async (name: string): Promise<void> => {
      for (let i = 0; i < 100; i++) {
        const listener = transport({ path: join(directory, 'a/b', name) });
        await listener.listen();
        await listener.close();
      }
    };
    await Promise.all(['1', '2', '3', '4'].map(cycle));
    expect(await readdir(directory)).toEqual([]);
  });

  it('are created again if they are removed during listen', async () => {
    const directory = await freshDirectory();
    const listener = transport({ path: join(directory, 'a/b/p.sock') });
    const listening = listener.listen();
    rmSync(join(directory, 'a'), { recursive: true });
    expect(await listening).toBe(`unix:${directory}/a/b/p.sock`);
    await transport().connect(await listening);
    await listener.close();
    expect(await readdir(directory)).toEqual([]);
  });

  it('reject listen with NOT_FOUND if they are removed again and again', async () => {
    const directory = await freshDirectory();
    const listening = rejectionOf(transport({ path: join(directory, 'a/p.sock') }).listen());
    let [removed, over] = [0, false];
    void listening.then(() => (over = true));
    // The event loop does not turn between creating a directory and using it, but microtasks run.
    const remove = (): void => {
      if (existsSync(join(directory, 'a'))) {
        rmdirSync(join(directory, 'a'));
        removed++;
      }
      if (!over && removed < 1000) queueMicrotask(remove);
    };
    remove();
    expect((await listening).code).toBe('NOT_FOUND');
    expect(removed).toBe(100);
    expect(await readdir(directory)).toEqual([]);
  });

  it('are left alone if they existed before', async () => {
    const directory = await freshDirectory();
    await mkdir(join(directory, 'a'));
    await chmod(join(directory, 'a'), 0o755);
    const listener = transport({ path: join(directory, 'a/p.sock') });
    await listener.listen();
    await listener.close();
    expect(await modeOf(join(directory, 'a'))).toBe(0o755);
  });

  it('reject listen with NOT_FOUND if an ancestor is a file, which stays untouched', async () => {
    const directory = await freshDirectory();
    await writeFile(join(directory, 'file'), 'content');
    const error = await rejectionOf(transport({ path: join(directory, 'file/a/p.sock') }).listen());
    expect(error).toMatchObject({ code: 'NOT_FOUND', hint: expect.stringContaining('directory') as string });
    expect((await stat(join(directory, 'file'))).size).toBe(7);
  });

  it('reject listen with NOT_FOUND if the parent is a file, which stays untouched', async () => {
    const directory = await freshDirectory();
    await writeFile(join(directory, 'file'), 'content');
    const error = await rejectionOf(transport({ path: join(directory, 'file/p.sock') }).listen());
    expect(error).toMatchObject({ code: 'NOT_FOUND', hint: expect.stringContaining('directory') as string });
    expect((await stat(join(directory, 'file'))).size).toBe(7);
  });
});

describe('directory option', () => {
  it('gives each socket a new name in the directory', async () => {
    const directory = await freshDirectory();
    const endpoints = await Promise.all([1, 2, 3].map(() => transport({ directory }).listen()));
    expect(new Set(endpoints).size).toBe(3);
    for (const endpoint of endpoints) {
      expect(dirname(pathOf(endpoint))).toBe(directory);
      // 72 random bits.
      expect(basename(pathOf(endpoint))).toMatch(/^plugin-[\w-]{12}$/);
      await transport().connect(endpoint);
    }
  });

  it('removes only the socket from an existing directory on close', async () => {
    const directory = await freshDirectory();
    const listener = transport({ directory });
    await listener.listen();
    await listener.close();
    expect(await readdir(directory)).toEqual([]);
  });

  it('creates a missing directory and removes it on close', async () => {
    const directory = await freshDirectory();
    const listener = transport({ directory: join(directory, 'made/') });
    const endpoint = await listener.listen();
    expect(dirname(pathOf(endpoint))).toBe(join(directory, 'made'));
    expect(await modeOf(join(directory, 'made'))).toBe(0o700);
    await listener.close();
    expect(await readdir(directory)).toEqual([]);
  });

  it('accepts a relative directory and returns an absolute endpoint', async () => {
    const directory = await freshDirectory();
    const endpoint = await transport({ directory: relative(process.cwd(), directory) }).listen();
    expect(dirname(pathOf(endpoint))).toBe(directory);
  });

  it('rejects a directory that is too long with PATH_TOO_LONG and creates nothing', async () => {
    const directory = await freshDirectory();
    const error = await rejectionOf(transport({ directory: join(directory, 'd'.repeat(90)) }).listen());
    expect(error.code).toBe('PATH_TOO_LONG');
    expect(await readdir(directory)).toEqual([]);
  });
});

describe('path length limit', () => {
  /** A path in the directory with this length in bytes, made of this character. */
  function pathOfBytes(directory: string, bytes: number, character = 'x'): string {
    const rest = bytes - Buffer.byteLength(directory) - 1;
    const size = Buffer.byteLength(character);
    return `${directory}/${character.repeat(Math.floor(rest / size))}${'x'.repeat(rest % size)}`;
  }

  it.runIf(process.platform === 'linux')('is 107 bytes on Linux', () => {
    expect(socketPathLimitBytes).toBe(107);
  });

  it.each(['x', '日'])(
    'allows a path of %s up to the last byte: listens, connects and cleans up',
    async (character) => {
      const directory = await freshDirectory();
      // Starts at the length from which the staging path no longer fits.
      for (let bytes = socketPathLimitBytes - 25; bytes <= socketPathLimitBytes; bytes++) {
        const path = pathOfBytes(directory, bytes, character);
        expect(Buffer.byteLength(path)).toBe(bytes);
        const listener = transport({ path });
        const endpoint = await listener.listen({ onConnection: (socket) => void socket.end('hello') });
        expect(endpoint).toBe(`unix:${path}`);
        expect(await readdir(directory)).toEqual([basename(path)]);
        expect(await text(await transport().connect(endpoint))).toBe('hello');
        await listener.close();
        expect(await readdir(directory)).toEqual([]);
      }
    },
  );

  it.each(['x', '日'])(
    'rejects a path of %s that is one byte too long with PATH_TOO_LONG at construction',
    async (character) => {
      const directory = await freshDirectory();
      const path = pathOfBytes(directory, socketPathLimitBytes + 1, character);
      const error = thrownBy(() => transport({ path }));
      expect(error).toMatchObject({
        code: 'PATH_TOO_LONG',
        endpoint: `unix:${path}`,
        hint: expect.stringContaining('shorter') as string,
      });
      expect(error.message).toContain(String(socketPathLimitBytes));
      expect(error.message).toContain(String(socketPathLimitBytes + 1));
      expect(await readdir(directory)).toEqual([]);
    },
  );

  it('applies to the absolute form of a relative path', () => {
    const path = 'x'.repeat(socketPathLimitBytes - process.cwd().length);
    expect(thrownBy(() => transport({ path })).code).toBe('PATH_TOO_LONG');
    transport({ path: path.slice(1) });
  });

  it('applies to connect, before any I/O and without waiting', async () => {
    const directory = await freshDirectory();
    const path = pathOfBytes(directory, socketPathLimitBytes + 1);
    // A truncated path would lead to this server.
    await plainServer(path.slice(0, -1));
    const error = await rejectionOf(transport().connect(`unix:${path}`, { waitMs: Infinity, timeoutMs: Infinity }));
    expect(error).toMatchObject({
      code: 'PATH_TOO_LONG',
      endpoint: `unix:${path}`,
      hint: expect.stringMatching(/\S/) as string,
    });
    expect(error.message).toContain(String(socketPathLimitBytes + 1));
    await transport().connect(`unix:${path.slice(0, -1)}`);
    expect(await saysHello(path.slice(0, -1))).toBe(true);
  });
});

describe('private directory', () => {
  let runtime: string;
  let temporary: string;

  beforeEach(async () => {
    runtime = await freshDirectory();
    temporary = await freshDirectory();
    vi.stubEnv('XDG_RUNTIME_DIR', runtime);
    vi.stubEnv('TMPDIR', temporary);
    return () => {
      vi.unstubAllEnvs();
    };
  });

  it('is created in XDG_RUNTIME_DIR and removed on close', async () => {
    const listener = transport();
    const endpoint = await listener.listen();
    const place = dirname(pathOf(endpoint));
    expect(dirname(place)).toBe(runtime);
    expect(basename(place)).toMatch(/^rpcplugin-\d+-\w{6}$/);
    expect(await modeOf(place)).toBe(0o700);
    expect(await readdir(place)).toEqual([basename(pathOf(endpoint))]);
    await transport().connect(endpoint);
    await listener.close();
    expect(await readdir(runtime)).toEqual([]);
    expect(await readdir(temporary)).toEqual([]);
  });

  it('is shared by the transports of a process and removed by the last one', async () => {
    const [first, second, third] = [transport(), transport(), transport()];
    const [one, two] = await Promise.all([first.listen(), second.listen()]);
    const three = await third.listen();
    expect(new Set([one, two, three]).size).toBe(3);
    expect(await readdir(runtime)).toHaveLength(1);
    await Promise.all([first.close(), third.close()]);
    expect(await readdir(runtime)).toHaveLength(1);
    await transport().connect(two);
    await second.close();
    expect(await readdir(runtime)).toEqual([]);
  });

  it('is created anew after the last transport has stopped listening', async () => {
    const first = transport();
    const before = await first.listen();
    await first.stopListening();
    expect(await readdir(runtime)).toEqual([]);
    const after = await first.listen();
    expect(dirname(pathOf(after))).not.toBe(dirname(pathOf(before)));
  });

  it('is removed after a cancelled listen, unless another transport uses it', async () => {
    const kept = transport();
    await kept.listen();
    const cancelled = transport();
    const listening = rejectionOf(cancelled.listen());
    await cancelled.close();
    await listening;
    expect(await readdir(runtime)).toHaveLength(1);
    await kept.close();
    expect(await readdir(runtime)).toEqual([]);

    const alone = transport();
    const failed = rejectionOf(alone.listen());
    await alone.close();
    await failed;
    expect(await readdir(runtime)).toEqual([]);
  });

  it('is created in TMPDIR if XDG_RUNTIME_DIR is unset', async () => {
    vi.stubEnv('XDG_RUNTIME_DIR', undefined);
    expect(dirname(dirname(pathOf(await transport().listen())))).toBe(temporary);
  });

  it.each(['', 'relative', '/nonexistent/directory'])(
    'is created in TMPDIR if XDG_RUNTIME_DIR is %j',
    async (value) => {
      vi.stubEnv('XDG_RUNTIME_DIR', value);
      expect(dirname(dirname(pathOf(await transport().listen())))).toBe(temporary);
    },
  );

  it.each([0o777, 0o770, 0o722])('is not created in a directory that others can write to, mode %o', async (mode) => {
    await chmod(runtime, mode);
    expect(dirname(dirname(pathOf(await transport().listen())))).toBe(temporary);
    expect(await readdir(runtime)).toEqual([]);
  });

  it('is created in a directory that others can write to if the sticky bit is set', async () => {
    await chmod(runtime, 0o1777);
    expect(dirname(dirname(pathOf(await transport().listen())))).toBe(runtime);
  });

  it.each([0o770, 0o707])('is not created below a directory that others can write to, mode %o', async (mode) => {
    await mkdir(join(runtime, 'd'));
    await chmod(runtime, mode);
    vi.stubEnv('XDG_RUNTIME_DIR', join(runtime, 'd'));
    expect(dirname(dirname(pathOf(await transport().listen())))).toBe(temporary);
  });

  it.runIf(isRoot)('is not created in a directory of another user', async () => {
    await chown(runtime, otherUser.uid, otherUser.gid);
    expect(dirname(dirname(pathOf(await transport().listen())))).toBe(temporary);
  });

  it('is created in TMPDIR if XDG_RUNTIME_DIR is a file', async () => {
    await writeFile(join(runtime, 'file'), '');
    vi.stubEnv('XDG_RUNTIME_DIR', join(runtime, 'file'));
    expect(dirname(dirname(pathOf(await transport().listen())))).toBe(temporary);
  });

  it('is created in /tmp if the other directories are too long for a socket path', async () => {
    const long = join(temporary, 'd'.repeat(80));
    await mkdir(long);
    vi.stubEnv('XDG_RUNTIME_DIR', long);
    vi.stubEnv('TMPDIR', long);
    expect(tmpdir()).toBe(long);
    const endpoint = await transport().listen();
    expect(dirname(dirname(pathOf(endpoint)))).toBe('/tmp');
    expect(await readdir(long)).toEqual([]);
    await transport().connect(endpoint);
  });

  it.runIf(process.platform === 'linux').each([
    { platform: 'linux', name: '/plugin-xxxxxxxxxxxx' },
    // The longer staging path must fit, too.
    { platform: 'darwin', name: '/.rpcplugin-12345678-XXXXXX/xxxxxxxxxxxx' },
  ])('is created in TMPDIR if a socket path in it fits, to the byte, on $platform', async ({ platform, name }) => {
    vi.stubEnv('XDG_RUNTIME_DIR', undefined);
    const most = socketPathLimitBytes - Buffer.byteLength(`${temporary}//rpcplugin-${process.pid}-XXXXXX${name}`);
    const sizes = Array.from({ length: 17 }, (_, i) => most - 8 + i);
    const used = [];
    for (const bytes of sizes) {
      const base = join(temporary, 'd'.repeat(bytes));
      await mkdir(base);
      vi.stubEnv('TMPDIR', base);
      // Closed each time, as an existing private directory would be used again.
      await using listener = transport();
      const endpoint = await withPlatform(platform, () => listener.listen());
      await transport().connect(endpoint);
      if (pathOf(endpoint).startsWith(base)) used.push(bytes);
    }
    expect(used).toEqual(sizes.filter((bytes) => bytes <= most));
  });

  /** For a process with a temp directory of its own, in which its TypeScript loader creates nothing. */
  function environment(): NodeJS.ProcessEnv {
    return { TMPDIR: temporary, TSX_DISABLE_CACHE: '1' };
  }

  it.runIf(isRoot)('is created in the TMPDIR of another user, below a directory of root', async () => {
    await chown(temporary, otherUser.uid, otherUser.gid);
    const child = await startChild({ ...otherUser, env: { ...environment(), XDG_RUNTIME_DIR: '' } });
    const { endpoint = '' } = await child.ask({ do: 'listen' });
    expect(dirname(dirname(pathOf(endpoint)))).toBe(temporary);
    await child.ask({ do: 'close' });
    expect(await readdir(temporary)).toEqual([]);
  });

  it.runIf(isRoot && group !== undefined)(
    'rejects listen with PERMISSION_DENIED and the reason for each place, and leaves nothing behind',
    async () => {
      await chown(temporary, otherUser.uid, otherUser.gid);
      const child = await startChild({ ...otherUser, env: environment() });
      // The user is not in this group.
      const { error } = await child.ask({ do: 'listen', options: { group: group?.gid } });
      expect(error?.code).toBe('PERMISSION_DENIED');
      expect(error?.hint).toContain('TMPDIR');
      for (const place of [temporary, '/tmp']) expect(error?.message).toContain(`chown '${place}/rpcplugin-`);
      expect(await readdir(temporary)).toEqual([]);
    },
  );

  it.runIf(group !== undefined)(
    'is a separate one in TMPDIR, with mode 0710 and the group of its sockets',
    async () => {
      const without = dirname(pathOf(await transport().listen()));
      const listener = transport({ group: group?.gid });
      const place = dirname(pathOf(await listener.listen()));
      expect(place).not.toBe(without);
      expect(dirname(place)).toBe(temporary);
      expect(await modeOf(place)).toBe(0o710);
      expect((await stat(place)).gid).toBe(group?.gid);
      await listener.close();
      expect(await readdir(temporary)).toEqual([]);
    },
  );

  it('does not disturb close if a cleaner of temporary files removed it', async () => {
    const listener = transport();
    const place = dirname(pathOf(await listener.listen()));
    await rm(place, { recursive: true });
    await listener.close();
  });

  it('is created again after a cleaner of temporary files removed it', async () => {
    const first = transport();
    await rm(dirname(pathOf(await first.listen())), { recursive: true });
    await transport().connect(await transport().listen());
  });

  it.runIf(isRoot)('is neither used nor removed if another user recreated it', async () => {
    const first = transport();
    const place = dirname(pathOf(await first.listen()));
    await rm(place, { recursive: true });
    await mkdir(place);
    await chown(place, otherUser.uid, otherUser.gid);
    expect(dirname(pathOf(await transport().listen()))).not.toBe(place);
    await first.close();
    expect((await stat(place)).uid).toBe(otherUser.uid);
  });

  it('contains no staging directory after listen', async () => {
    const place = dirname(pathOf(await transport().listen()));
    expect(await stagingIn(place)).toEqual([]);
  });

  it('stays on close if it contains something else', async () => {
    const listener = transport();
    const place = dirname(pathOf(await listener.listen()));
    await mkdir(join(place, 'other'));
    await listener.close();
    await rmdir(join(place, 'other'));
    await rmdir(place);
  });
});

async function modeOf(path: string): Promise<number> {
  return (await stat(path)).mode & 0o7777;
}

/** Runs an action with another `process.platform`. */
async function withPlatform<T>(platform: string, action: () => Promise<T>): Promise<T> {
  const { platform: actual } = process;
  Object.defineProperty(process, 'platform', { value: platform });
  try {
    return await action();
  } finally {
    Object.defineProperty(process, 'platform', { value: actual });
  }
}
