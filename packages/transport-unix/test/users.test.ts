import { chown, link, readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { freshDirectory, isRoot, otherUser, pathOf } from '@rpcplugin/test-support';
import { describe, expect, it } from 'vitest';
import { startConfined } from './confined.js';
import { transport } from './support.js';

/** A group of the plugins, and one of another user. */
const [group, otherGroup] = [4242, 4343];

describe.runIf(isRoot)('group, if the directories of the socket have to be created', () => {
  it.each([
    { option: 'path', options: (place: string) => ({ path: join(place, 'a/b/p.sock') }) },
    { option: 'directory', options: (place: string) => ({ directory: join(place, 'a/b') }) },
  ])('lets only its members connect to the socket of a $option', async ({ options }) => {
    const place = await freshDirectory(0o755);
    const endpoint = await transport({ ...options(place), group: String(group) }).listen();
    for (const directory of ['a', 'a/b']) {
      expect(await stat(join(place, directory))).toMatchObject({ uid: 0, gid: group, mode: 0o40710 });
    }
    const [member, stranger] = await Promise.all([
      startConfined([], { uid: otherUser.uid, gid: group }),
      startConfined([], { uid: otherUser.uid, gid: otherGroup }),
    ]);
    expect(await member.ask({ do: 'connect', endpoint })).toEqual({ endpoint });
    expect((await stranger.ask({ do: 'connect', endpoint })).error?.code).toBe('PERMISSION_DENIED');
  });
});

describe.runIf(isRoot)('a process that changes its user after listen', () => {
  it('reports once at close that the socket cannot be removed, and exits without an error', async () => {
    const directory = await freshDirectory(0o755);
    const child = await startConfined([]);
    const path = join(directory, 'made/p.sock');
    await child.ask({ do: 'listen', options: { path } });
    await child.ask({ do: 'become', ...otherUser });
    const { error } = await child.ask({ do: 'close' });
    expect(error).toMatchObject({ code: 'PERMISSION_DENIED', endpoint: `unix:${path}` });
    expect(await child.ask({ do: 'close' })).toEqual({});
    expect(await child.end({ do: 'exit', code: 0 })).toMatchObject({ status: 0, stderr: '' });
  });

  it.each([
    { case: 'a path', options: (directory: string) => ({ path: join(directory, 'p.sock') }) },
    { case: 'a directory', options: (directory: string) => ({ directory }) },
    { case: 'an automatic place', options: () => ({}) },
  ])('exits without an error while it listens at $case', async ({ options }) => {
    const directory = await freshDirectory(0o755);
    const child = await startConfined([], { env: { XDG_RUNTIME_DIR: directory } });
    await child.ask({ do: 'listen', options: options(directory) });
    await child.ask({ do: 'become', ...otherUser });
    expect(await child.end({ do: 'exit', code: 0 })).toMatchObject({ status: 0, stderr: '' });
  });

  it('gets a new place for its second automatic listen, and both are reached', async () => {
    const shared = await freshDirectory(0o1777);
    const child = await startConfined([], { env: { XDG_RUNTIME_DIR: '', TMPDIR: shared } });
    const { endpoint: first = '' } = await child.ask({ do: 'listen', options: { mode: 0o666 } });
    await child.ask({ do: 'become', ...otherUser });
    const { endpoint: second = '' } = await child.ask({ do: 'listen' });
    expect(dirname(pathOf(first))).toBe(join(shared, 'rpcplugin-0'));
    expect(dirname(pathOf(second))).toBe(join(shared, `rpcplugin-${otherUser.uid}`));
    for (const endpoint of [first, second]) await transport().connect(endpoint);
    expect((await child.ask({ do: 'close' })).error?.code).toBe('PERMISSION_DENIED');
    expect(await readdir(shared)).toEqual(['rpcplugin-0']);
    expect(await child.end({ do: 'exit', code: 0 })).toMatchObject({ status: 0, stderr: '' });
  });

  it('closes without an error if its new user may remove the socket', async () => {
    const directory = await freshDirectory();
    await chown(directory, otherUser.uid, otherUser.gid);
    const child = await startConfined([]);
    await child.ask({ do: 'listen', options: { path: join(directory, 'p.sock') } });
    await link(join(directory, 'p.sock'), join(directory, 'other'));
    await child.ask({ do: 'become', ...otherUser });
    expect(await child.ask({ do: 'close' })).toEqual({});
    expect(await readdir(directory)).toEqual(['other']);
  });
});
