import { existsSync, rmdirSync, rmSync } from 'node:fs';
import { chmod, chown, lstat, mkdir, readdir, rename, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { text } from 'node:stream/consumers';
import { entriesOf, freshDirectory, isRoot, otherUser, pathOf, rejectionOf, thrownBy } from '@rpcplugin/test-support';
import { socketPathLimitBytes } from '@rpcplugin/transport-base';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { otherGroup, plainServer, saysHello, stagingIn, startOther, transport } from './support.js';

const group = await otherGroup();

describe('a path', () => {
  it('is listened on exactly there, and gone after close', async () => {
    const directory = await freshDirectory();
    const listener = transport({ path: join(directory, 'p.sock') });
    expect(await listener.listen()).toBe(`unix:${directory}/p.sock`);
    expect(await readdir(directory)).toEqual(['p.sock']);
    expect((await lstat(join(directory, 'p.sock'))).isSocket()).toBe(true);
    await listener.close();
    expect(await readdir(directory)).toEqual([]);
  });

  it('that is relative becomes absolute in the endpoint', async () => {
    const directory = await freshDirectory();
    const path = relative(process.cwd(), join(directory, 'p.sock'));
    const endpoint = await transport({ path }).listen();
    expect(endpoint).toBe(`unix:${directory}/p.sock`);
    await transport().connect(endpoint);
    await transport().connect(`unix:${path}`);
    await transport().connect(path);
  });

  it.each(['//a.sock', 'sub/../a.sock', './a.sock', 'a.sock'])('spelt %s gives the shortest form', async (name) => {
    const directory = await freshDirectory();
    expect(await transport({ path: `${directory}/${name}` }).listen()).toBe(`unix:${directory}/a.sock`);
    expect(await readdir(directory)).toEqual(['a.sock']);
  });

  it.each(['ä b.sock', 'a|b', '100%', '%2e', 'a:b', '@a', '-rf', '.hidden', '日本', '#?'])(
    'named %j is reached under that name',
    async (name) => {
      const directory = await freshDirectory();
      const endpoint = await transport({ path: join(directory, name) }).listen();
      expect(endpoint).toBe(`unix:${directory}/${name}`);
      expect(await readdir(directory)).toEqual([name]);
      await transport().connect(endpoint);
    },
  );
});

describe('missing parents of a path', () => {
  it('are made, for this user only, and removed on close', async () => {
    const directory = await freshDirectory();
    const listener = transport({ path: join(directory, 'a/b/c/p.sock') });
    await listener.listen();
    for (const made of ['a', 'a/b', 'a/b/c']) expect(await modeOf(join(directory, made))).toBe(0o700);
    await listener.close();
    expect(await readdir(directory)).toEqual([]);
  });

  it('are kept when something else was put in one, and no further than that', async () => {
    const directory = await freshDirectory();
    const listener = transport({ path: join(directory, 'a/b/c/p.sock') });
    await listener.listen();
    await writeFile(join(directory, 'a/b/other'), '');
    await listener.close();
    expect(await readdir(join(directory, 'a/b'))).toEqual(['other']);
  });

  it('that somebody removed meanwhile do not disturb close', async () => {
    const directory = await freshDirectory();
    const listener = transport({ path: join(directory, 'a/b/p.sock') });
    await listener.listen();
    await rm(join(directory, 'a'), { recursive: true });
    await listener.close();
  });

  it('are removed again when listen is given up', async () => {
    const directory = await freshDirectory();
    const listener = transport({ path: join(directory, 'a/b/p.sock') });
    const listening = rejectionOf(listener.listen());
    await listener.close();
    await listening;
    expect(await readdir(directory)).toEqual([]);
  });

  it('are not made when there is no such group', async () => {
    const directory = await freshDirectory();
    await rejectionOf(transport({ path: join(directory, 'a/p.sock'), group: 'no-such-group' }).listen());
    expect(await readdir(directory)).toEqual([]);
  });

  it('are removed with the last transport of the process that listens there, not with the one that made them', async () => {
    const directory = await freshDirectory();
    const [one, other] = ['1', '2'].map((name) => transport({ path: join(directory, 'a/b', name) }));
    await one?.listen();
    await other?.listen();
    await one?.close();
    expect(await entriesOf(directory)).toEqual(['a', 'a/b', 'a/b/2']);
    await other?.close();
    expect(await readdir(directory)).toEqual([]);
  });

  it('that somebody replaced meanwhile are left alone', async () => {
    const directory = await freshDirectory();
    const listener = transport({ path: join(directory, 'a/p.sock') });
    await listener.listen();
    await rename(join(directory, 'a'), join(directory, 'moved'));
    await mkdir(join(directory, 'a'));
    await listener.close();
    expect(await entriesOf(directory)).toEqual(['a', 'moved']);
  });

  it('are made again when another transport, which made them, removes them just then', async () => {
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

  it('are made again when somebody removes them at once', async () => {
    const directory = await freshDirectory();
    const listener = transport({ path: join(directory, 'a/b/p.sock') });
    const listening = listener.listen();
    rmSync(join(directory, 'a'), { recursive: true });
    expect(await listening).toBe(`unix:${directory}/a/b/p.sock`);
    await transport().connect(await listening);
    await listener.close();
    expect(await readdir(directory)).toEqual([]);
  });

  it('are given up on when somebody removes them again and again', async () => {
    const directory = await freshDirectory();
    const listening = rejectionOf(transport({ path: join(directory, 'a/p.sock') }).listen());
    let [removed, over] = [0, false];
    void listening.then(() => (over = true));
    // No turn of the event loop is between making a directory and looking at it, but others' code can be.
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

  it('that existed are left alone', async () => {
    const directory = await freshDirectory();
    await mkdir(join(directory, 'a'));
    await chmod(join(directory, 'a'), 0o755);
    const listener = transport({ path: join(directory, 'a/p.sock') });
    await listener.listen();
    await listener.close();
    expect(await modeOf(join(directory, 'a'))).toBe(0o755);
  });

  it('cannot be made in a file: NOT_FOUND, and the file is untouched', async () => {
    const directory = await freshDirectory();
    await writeFile(join(directory, 'file'), 'content');
    const error = await rejectionOf(transport({ path: join(directory, 'file/a/p.sock') }).listen());
    expect(error).toMatchObject({ code: 'NOT_FOUND', hint: expect.stringContaining('directory') as string });
    expect((await stat(join(directory, 'file'))).size).toBe(7);
  });

  it('are a file themselves: NOT_FOUND, and the file is untouched', async () => {
    const directory = await freshDirectory();
    await writeFile(join(directory, 'file'), 'content');
    const error = await rejectionOf(transport({ path: join(directory, 'file/p.sock') }).listen());
    expect(error).toMatchObject({ code: 'NOT_FOUND', hint: expect.stringContaining('directory') as string });
    expect((await stat(join(directory, 'file'))).size).toBe(7);
  });
});

describe('a directory', () => {
  it('is listened in directly, each time under another name', async () => {
    const directory = await freshDirectory();
    const endpoints = await Promise.all([1, 2, 3].map(() => transport({ directory }).listen()));
    expect(new Set(endpoints).size).toBe(3);
    for (const endpoint of endpoints) {
      expect(dirname(pathOf(endpoint))).toBe(directory);
      // 72 bits.
      expect(basename(pathOf(endpoint))).toMatch(/^plugin-[\w-]{12}$/);
      await transport().connect(endpoint);
    }
  });

  it('that is there stays, without the socket, after close', async () => {
    const directory = await freshDirectory();
    const listener = transport({ directory });
    await listener.listen();
    await listener.close();
    expect(await readdir(directory)).toEqual([]);
  });

  it('that is missing is made, and removed on close', async () => {
    const directory = await freshDirectory();
    const listener = transport({ directory: join(directory, 'made/') });
    const endpoint = await listener.listen();
    expect(dirname(pathOf(endpoint))).toBe(join(directory, 'made'));
    expect(await modeOf(join(directory, 'made'))).toBe(0o700);
    await listener.close();
    expect(await readdir(directory)).toEqual([]);
  });

  it('that is relative gives an absolute endpoint', async () => {
    const directory = await freshDirectory();
    const endpoint = await transport({ directory: relative(process.cwd(), directory) }).listen();
    expect(dirname(pathOf(endpoint))).toBe(directory);
  });

  it('that is too long: PATH_TOO_LONG, and nothing is made', async () => {
    const directory = await freshDirectory();
    const error = await rejectionOf(transport({ directory: join(directory, 'd'.repeat(90)) }).listen());
    expect(error.code).toBe('PATH_TOO_LONG');
    expect(await readdir(directory)).toEqual([]);
  });
});

describe('the limit of a path', () => {
  /** A path of so many bytes in the directory, of characters of one byte or of three. */
  function pathOfBytes(directory: string, bytes: number, character = 'x'): string {
    const rest = bytes - Buffer.byteLength(directory) - 1;
    const size = Buffer.byteLength(character);
    return `${directory}/${character.repeat(Math.floor(rest / size))}${'x'.repeat(rest % size)}`;
  }

  it.runIf(process.platform === 'linux')('is 107 bytes on Linux', () => {
    expect(socketPathLimitBytes).toBe(107);
  });

  it.each(['x', '日'])('to the byte, of characters like %s: listens, connects and cleans up', async (character) => {
    const directory = await freshDirectory();
    // From where a name in a staging directory no longer fits.
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
  });

  it.each(['x', '日'])('passed by a byte, of characters like %s: PATH_TOO_LONG at construction', async (character) => {
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
  });

  it('counts what a relative path becomes', () => {
    const path = 'x'.repeat(socketPathLimitBytes - process.cwd().length);
    expect(thrownBy(() => transport({ path })).code).toBe('PATH_TOO_LONG');
    transport({ path: path.slice(1) });
  });

  it('holds for connect too, before any I/O and without waiting', async () => {
    const directory = await freshDirectory();
    const path = pathOfBytes(directory, socketPathLimitBytes + 1);
    // Whoever cuts the path off ends up here.
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

describe('without path and directory', () => {
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

  it('a private directory under XDG_RUNTIME_DIR is used, and removed on close', async () => {
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

  it('one directory is shared by the transports of a process, and goes with the last', async () => {
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

  it('another is made when the last has gone', async () => {
    const first = transport();
    const before = await first.listen();
    await first.stopListening();
    expect(await readdir(runtime)).toEqual([]);
    const after = await first.listen();
    expect(dirname(pathOf(after))).not.toBe(dirname(pathOf(before)));
  });

  it('it is removed too when listen was given up, and not while somebody else uses it', async () => {
    const kept = transport();
    await kept.listen();
    const givenUp = transport();
    const listening = rejectionOf(givenUp.listen());
    await givenUp.close();
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

  it('TMPDIR is next when XDG_RUNTIME_DIR is unset', async () => {
    vi.stubEnv('XDG_RUNTIME_DIR', undefined);
    expect(dirname(dirname(pathOf(await transport().listen())))).toBe(temporary);
  });

  it.each(['', 'relative', '/nonexistent/directory'])('TMPDIR is next when XDG_RUNTIME_DIR is %j', async (value) => {
    vi.stubEnv('XDG_RUNTIME_DIR', value);
    expect(dirname(dirname(pathOf(await transport().listen())))).toBe(temporary);
  });

  it.each([0o777, 0o770, 0o722])('a directory that others may write, mode %o, is passed over', async (mode) => {
    await chmod(runtime, mode);
    expect(dirname(dirname(pathOf(await transport().listen())))).toBe(temporary);
    expect(await readdir(runtime)).toEqual([]);
  });

  it('one that others may write is used if it has the sticky bit', async () => {
    await chmod(runtime, 0o1777);
    expect(dirname(dirname(pathOf(await transport().listen())))).toBe(runtime);
  });

  it.each([0o770, 0o707])('one in a directory that others may write, mode %o, is passed over', async (mode) => {
    await mkdir(join(runtime, 'd'));
    await chmod(runtime, mode);
    vi.stubEnv('XDG_RUNTIME_DIR', join(runtime, 'd'));
    expect(dirname(dirname(pathOf(await transport().listen())))).toBe(temporary);
  });

  it.runIf(isRoot)('one that belongs to another user is passed over', async () => {
    await chown(runtime, otherUser.uid, otherUser.gid);
    expect(dirname(dirname(pathOf(await transport().listen())))).toBe(temporary);
  });

  it('a file in its place is passed over', async () => {
    await writeFile(join(runtime, 'file'), '');
    vi.stubEnv('XDG_RUNTIME_DIR', join(runtime, 'file'));
    expect(dirname(dirname(pathOf(await transport().listen())))).toBe(temporary);
  });

  it('/tmp is used when the others are too long for the path of a socket', async () => {
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
    // Where a socket is bound by its long name first.
    { platform: 'darwin', name: '/.rpcplugin-12345678-XXXXXX/xxxxxxxxxxxx' },
  ])(
    'TMPDIR is used as long as the path of a socket in it fits, to the byte, as on $platform',
    async ({ platform, name }) => {
      vi.stubEnv('XDG_RUNTIME_DIR', undefined);
      const most = socketPathLimitBytes - Buffer.byteLength(`${temporary}//rpcplugin-${process.pid}-XXXXXX${name}`);
      const sizes = Array.from({ length: 17 }, (_, i) => most - 8 + i);
      const used = [];
      for (const bytes of sizes) {
        const base = join(temporary, 'd'.repeat(bytes));
        await mkdir(base);
        vi.stubEnv('TMPDIR', base);
        // The one that there is would be used again.
        await using listener = transport();
        const endpoint = await pretending(platform, () => listener.listen());
        await transport().connect(endpoint);
        if (pathOf(endpoint).startsWith(base)) used.push(bytes);
      }
      expect(used).toEqual(sizes.filter((bytes) => bytes <= most));
    },
  );

  /** Of a process that has a temp directory to itself; its loader of TypeScript is to put nothing there. */
  function environment(): NodeJS.ProcessEnv {
    return { TMPDIR: temporary, TSX_DISABLE_CACHE: '1' };
  }

  it.runIf(isRoot)('another user has it in a TMPDIR of its own, which is in a directory of root', async () => {
    await chown(temporary, otherUser.uid, otherUser.gid);
    const child = await startOther({ ...otherUser, env: { ...environment(), XDG_RUNTIME_DIR: '' } });
    const { endpoint = '' } = await child.ask({ do: 'listen' });
    expect(dirname(dirname(pathOf(endpoint)))).toBe(temporary);
    await child.ask({ do: 'close' });
    expect(await readdir(temporary)).toEqual([]);
  });

  it.runIf(isRoot && group !== undefined)(
    'that cannot be made anywhere: PERMISSION_DENIED with what was wrong with each place, and nothing is left',
    async () => {
      await chown(temporary, otherUser.uid, otherUser.gid);
      const child = await startOther({ ...otherUser, env: environment() });
      // Not a group of that user.
      const { error } = await child.ask({ do: 'listen', options: { group: group?.gid } });
      expect(error?.code).toBe('PERMISSION_DENIED');
      expect(error?.hint).toContain('TMPDIR');
      for (const place of [temporary, '/tmp']) expect(error?.message).toContain(`chown '${place}/rpcplugin-`);
      expect(await readdir(temporary)).toEqual([]);
    },
  );

  it.runIf(group !== undefined)('with a group it is in TMPDIR, 0710 and that group, and its own', async () => {
    const without = dirname(pathOf(await transport().listen()));
    const listener = transport({ group: group?.gid });
    const place = dirname(pathOf(await listener.listen()));
    expect(place).not.toBe(without);
    expect(dirname(place)).toBe(temporary);
    expect(await modeOf(place)).toBe(0o710);
    expect((await stat(place)).gid).toBe(group?.gid);
    await listener.close();
    expect(await readdir(temporary)).toEqual([]);
  });

  it('a directory that a cleaner of temporary files removed does not disturb close', async () => {
    const listener = transport();
    const place = dirname(pathOf(await listener.listen()));
    await rm(place, { recursive: true });
    await listener.close();
  });

  it('a directory that a cleaner of temporary files removed is made anew for the next', async () => {
    const first = transport();
    await rm(dirname(pathOf(await first.listen())), { recursive: true });
    await transport().connect(await transport().listen());
  });

  it.runIf(isRoot)(
    'a directory that somebody made anew under the name of a removed one is not used, and stays',
    async () => {
      const first = transport();
      const place = dirname(pathOf(await first.listen()));
      await rm(place, { recursive: true });
      await mkdir(place);
      await chown(place, otherUser.uid, otherUser.gid);
      expect(dirname(pathOf(await transport().listen()))).not.toBe(place);
      await first.close();
      expect((await stat(place)).uid).toBe(otherUser.uid);
    },
  );

  it('leaves no staging directory', async () => {
    const place = dirname(pathOf(await transport().listen()));
    expect(await stagingIn(place)).toEqual([]);
  });

  it('something else that was put there stays', async () => {
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

/** Does something as if on another platform. */
async function pretending<T>(platform: string, action: () => Promise<T>): Promise<T> {
  const { platform: actual } = process;
  Object.defineProperty(process, 'platform', { value: platform });
  try {
    return await action();
  } finally {
    Object.defineProperty(process, 'platform', { value: actual });
  }
}
