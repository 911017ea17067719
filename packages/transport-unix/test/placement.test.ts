import { existsSync, rmSync } from 'node:fs';
import { chmod, lstat, mkdir, readdir, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { text } from 'node:stream/consumers';
import { entriesOf, freshDirectory, pathOf, rejectionOf, thrownBy } from '@rpcplugin/test-support';
import { socketPathLimitBytes } from '@rpcplugin/transport-base';
import { describe, expect, it } from 'vitest';
import { isInContainer } from '../src/beacon.js';
import { hasOwner, ownedName } from '../src/owner.js';
import { modeOf, otherGroup, plainServer, saysHello, transport } from './support.js';

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

  it.each(['unix:', 'unix://', 'unix:/'])('accepts an endpoint that starts with %s', async (scheme) => {
    const directory = await freshDirectory();
    expect(await transport({ path: `${scheme}${directory}/a.sock` }).listen()).toBe(`unix:${directory}/a.sock`);
    expect(await readdir(directory)).toEqual(['a.sock']);
  });

  it('takes `..` after a symbolic link for the parent of its target, in listen and connect', async () => {
    const directory = await freshDirectory();
    await mkdir(join(directory, 'releases/1'), { recursive: true });
    await symlink('releases/1', join(directory, 'current'));
    const path = `${directory}/current/../p.sock`;
    expect(await transport({ path }).listen()).toBe(`unix:${directory}/releases/p.sock`);
    await transport().connect(path);
    expect(await entriesOf(directory)).toEqual(['current', 'releases', 'releases/1', 'releases/p.sock']);
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

  it.runIf(group !== undefined)('have mode 0710 and the group of the socket if it has one', async () => {
    const directory = await freshDirectory();
    const listener = transport({ path: join(directory, 'a/b/p.sock'), group: group?.gid });
    await listener.listen();
    for (const made of ['a', 'a/b']) {
      expect(await modeOf(join(directory, made))).toBe(0o710);
      expect((await stat(join(directory, made))).gid).toBe(group?.gid);
    }
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
    let [looks, removed, over] = [0, 0, false];
    void listening.then(() => (over = true));
    // The event loop does not turn between creating a directory and using it, but ticks and microtasks run.
    const remove = (): void => {
      if (existsSync(join(directory, 'a'))) {
        rmSync(join(directory, 'a'), { recursive: true });
        removed++;
      }
      if (over || ++looks > 100_000) return;
      process.nextTick(() => {
        queueMicrotask(remove);
      });
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
      expect(basename(pathOf(endpoint))).toMatch(/^plugin-[\w-]{12,}$/);
      await transport().connect(endpoint);
    }
  });

  it.runIf(!isInContainer())('gives it a name with its owner as long as that fits, to the byte', async () => {
    const directory = await freshDirectory();
    const longest = socketPathLimitBytes - Buffer.byteLength(join(directory, ownedName('plugin'))) - 1;
    for (const [bytes, isOwned] of [
      [longest, true],
      [longest + 1, false],
    ] as const) {
      const endpoint = await transport({ directory: join(directory, 'd'.repeat(bytes)) }).listen();
      expect(hasOwner(basename(pathOf(endpoint)))).toBe(isOwned);
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

  it('is named by its absolute path in the errors of listen', async () => {
    const file = join(await freshDirectory(), 'file');
    await writeFile(file, '');
    const error = await rejectionOf(transport({ directory: relative(process.cwd(), file) }).listen());
    expect(error).toMatchObject({ code: 'NOT_FOUND', endpoint: file });
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
