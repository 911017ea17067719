import { chmod, mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  descriptorTargets,
  entriesOf,
  exhaustDescriptors,
  freshDirectory,
  isRoot,
  onDiagnostic,
  otherUser,
  pathOf,
  recoverDescriptors,
  rejectionOf,
  run,
  script,
  staleSocketAt,
  startProgram,
  until,
} from '@rpcplugin/test-support';
import { socketPathLimitBytes } from '@rpcplugin/transport-base';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { WarningMessage } from '@rpcplugin/transport-core';
import { createSocketDirectory, unixOptionsFromEnv } from '../src/index.js';
import type { SocketDirectory, SocketDirectoryOptions } from '../src/index.js';
import { nameOfUnknown, otherGroup, plainServer, saysHello, startChild, transport } from './support.js';

const group = await otherGroup();

async function socketDirectory(options?: SocketDirectoryOptions): Promise<SocketDirectory> {
  const created = await createSocketDirectory(options);
  onTestFinished(() => created.close().catch(() => undefined));
  return created;
}

async function accessOf(path: string): Promise<{ mode: number; gid: number }> {
  const { mode, gid } = await stat(path);
  return { mode: mode & 0o7777, gid };
}

describe('createSocketDirectory', () => {
  it('creates a directory for this user, in which a plugin listens that gets its environment', async () => {
    const base = await freshDirectory();
    const directory = await socketDirectory({ base });
    expect(await accessOf(directory.path)).toMatchObject({ mode: 0o700 });
    expect(directory.env).toEqual({ PLUGIN_UNIX_SOCKET_DIR: directory.path });
    const plugin = transport(unixOptionsFromEnv(directory.env));
    const endpoint = await plugin.listen();
    expect(dirname(pathOf(endpoint))).toBe(directory.path);
    await transport().connect(endpoint);
    await plugin.close();
    await directory.close();
    expect(await readdir(base)).toEqual([]);
  });

  it('gives each directory an unguessable name', async () => {
    const base = await freshDirectory();
    const [one, other] = [await socketDirectory({ base }), await socketDirectory({ base })];
    expect(one.path).not.toBe(other.path);
    for (const { path } of [one, other]) expect(path).toMatch(/-[\w-]{12}$/);
  });

  it('creates it for a usual place by default, and removes it at the end of `await using`', async () => {
    const use = async (): Promise<string> => {
      await using directory = await createSocketDirectory();
      expect((await stat(directory.path)).isDirectory()).toBe(true);
      return directory.path;
    };
    const path = await use();
    await expect(stat(path)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it.runIf(isRoot && group !== undefined)('lets a plugin of another user listen that is in the group', async () => {
    const { gid } = group ?? { gid: -1 };
    const base = await freshDirectory(0o755);
    const directory = await socketDirectory({ base, group: group?.name });
    expect(await accessOf(directory.path)).toEqual({ mode: 0o770, gid });
    expect(directory.env['PLUGIN_UNIX_SOCKET_GROUP']).toBe(group?.name);
    const plugin = await startChild({ uid: otherUser.uid, gid });
    const options = unixOptionsFromEnv(directory.env);
    const { endpoint = '' } = await plugin.ask({ do: 'listen', options });
    expect(dirname(pathOf(endpoint))).toBe(directory.path);
    expect(await accessOf(pathOf(endpoint))).toEqual({ mode: 0o660, gid });
    await transport().connect(endpoint);
    const stranger = await startChild(otherUser);
    expect((await stranger.ask({ do: 'connect', endpoint })).error?.code).toBe('PERMISSION_DENIED');
    await plugin.ask({ do: 'close' });
    await directory.close();
    expect(await readdir(base)).toEqual([]);
  });

  it.each([{ base: 42 }, { base: null }, { group: '' }, { group: -1 }, { group: 'no-such-group' }])(
    'rejects %j with INVALID_ARGUMENT and leaves nothing behind',
    async (options) => {
      const base = await freshDirectory();
      const error = await rejectionOf(createSocketDirectory({ base, ...options } as SocketDirectoryOptions));
      expect(error.code).toBe('INVALID_ARGUMENT');
      expect(await readdir(base)).toEqual([]);
    },
  );

  it('rejects a base in which others can rename entries with PERMISSION_DENIED', async () => {
    const base = await freshDirectory();
    await chmod(base, 0o777);
    const error = await rejectionOf(createSocketDirectory({ base }));
    expect(error).toMatchObject({ code: 'PERMISSION_DENIED', hint: expect.stringContaining('a base that') as string });
    expect(error.message).toContain(`${base} is writable for others`);
    expect(await readdir(base)).toEqual([]);
  });

  it('rejects a base that is too long for the path of a socket of go-plugin, to the byte', async () => {
    const short = await freshDirectory();
    const { path } = await socketDirectory({ base: short });
    const longest = socketPathLimitBytes - Buffer.byteLength(join(path, 'plugin1234567890123')) - 1;
    const [fits, isTooLong] = [longest, longest + 1].map((bytes) => join(short, 'd'.repeat(bytes)));
    for (const base of [fits, isTooLong]) await mkdir(String(base));
    const directory = await socketDirectory({ base: fits });
    await transport({ path: join(directory.path, 'plugin1234567890123') }).listen();
    const error = await rejectionOf(createSocketDirectory({ base: isTooLong }));
    expect(error).toMatchObject({ code: 'PERMISSION_DENIED', message: expect.stringContaining('too long') as string });
  });

  it.each([0, 1])('rejects with RESOURCE_EXHAUSTED if only %i descriptors are left, and leaks none', async (leave) => {
    const base = await freshDirectory();
    const before = descriptorTargets();
    onTestFinished(recoverDescriptors);
    exhaustDescriptors({ leave });
    const error = await rejectionOf(createSocketDirectory({ base })).finally(recoverDescriptors);
    expect(error).toMatchObject({ code: 'RESOURCE_EXHAUSTED', message: expect.stringContaining('EMFILE') as string });
    expect(error.cause).toBeInstanceOf(AggregateError);
    expect(descriptorTargets()).toEqual(before);
    expect(await readdir(base)).toEqual([]);
  });
});

describe('close', () => {
  it('removes the sockets that a killed plugin has left', async () => {
    const base = await freshDirectory();
    const directory = await socketDirectory({ base });
    const plugin = await startChild();
    await plugin.ask({ do: 'listen', options: unixOptionsFromEnv(directory.env) });
    await plugin.kill();
    await staleSocketAt(join(directory.path, 'plugin1234'));
    expect(await readdir(directory.path)).toHaveLength(2);
    await directory.close();
    expect(await readdir(base)).toEqual([]);
  });

  it.each([
    { what: 'files', put: (path: string) => writeFile(join(path, 'other'), 'content'), left: ['other'] },
    {
      what: 'directories',
      put: async (path: string) => {
        await mkdir(join(path, 'other'));
        await staleSocketAt(join(path, 'other/s'));
      },
      left: ['other', 'other/s'],
    },
  ])('rejects with IO and keeps other $what', async ({ put, left }) => {
    const directory = await socketDirectory({ base: await freshDirectory() });
    await put(directory.path);
    const hint = expect.stringContaining('left alone') as string;
    expect(await rejectionOf(directory.close())).toMatchObject({ code: 'IO', hint });
    expect(await entriesOf(directory.path)).toEqual(left);
  });

  it('happens at the exit of the process', async () => {
    const base = await freshDirectory();
    const code = `
      import { createSocketDirectory } from '../src/index.js';
      await createSocketDirectory({ base: process.argv[2] });
      process.exit();
    `;
    expect(await run(script(import.meta.url, code, base))).toMatchObject({ status: 0 });
    expect(await readdir(base)).toEqual([]);
  });
});

describe('the directory of a killed host', () => {
  const host = `
    import { createSocketDirectory } from '../src/index.js';
    const { path } = await createSocketDirectory({ base: process.argv[2] });
    console.log('created ' + path);
    setInterval(() => {}, 1000);
  `;

  /** Starts a host, calls \`fill\` with its directory, and kills it. */
  async function abandoned(base: string, fill: (path: string) => Promise<unknown>): Promise<string> {
    const started = startProgram(script(import.meta.url, host, base));
    const [, path = ''] = await started.printed(/created (.*)\n/);
    await fill(path);
    await started.kill();
    return path;
  }

  it('is removed by the next host, with stale sockets in it', async () => {
    const base = await freshDirectory();
    await abandoned(base, (path) => staleSocketAt(join(path, 'plugin1234')));
    const next = await socketDirectory({ base });
    await until(async () => (await readdir(dirname(next.path))).length === 1, { timeoutMs: 2000 });
    await next.close();
    expect(await readdir(base)).toEqual([]);
  });

  it('stays while a plugin listens in it, or if it has other files', async () => {
    const base = await freshDirectory();
    const live = await abandoned(base, (path) => plainServer(join(path, 'plugin1234')));
    const noted = await abandoned(base, (path) => writeFile(join(path, 'notes'), 'content'));
    const gone = await abandoned(base, () => Promise.resolve());
    await socketDirectory({ base });
    await until(async () => !(await readdir(dirname(live))).includes(gone.slice(dirname(live).length + 1)));
    expect(await saysHello(join(live, 'plugin1234'))).toBe(true);
    expect(await readdir(noted)).toEqual(['notes']);
  });

  it('stays if its owner is unknown, with a warning', async () => {
    const base = await freshDirectory();
    const unknown = join(base, `rpcplugin-${process.getuid?.()}`, nameOfUnknown('host'));
    await mkdir(unknown, { recursive: true, mode: 0o700 });
    const warnings: WarningMessage[] = [];
    onDiagnostic('warning', undefined, (message) => warnings.push(message));
    await socketDirectory({ base });
    await until(() => warnings.length > 0);
    expect(warnings).toEqual([
      {
        transport: undefined,
        network: 'unix',
        endpoint: undefined,
        what: expect.stringContaining(`files in ${dirname(unknown)} were left`) as string,
        cause: undefined,
      },
    ]);
    expect((await stat(unknown)).isDirectory()).toBe(true);
  });
});
