import { existsSync } from 'node:fs';
import { chown, mkdir, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { freshDirectory, isRoot, otherUser, pathOf } from '@rpcplugin/test-support';
import { describe, expect, it } from 'vitest';
import { startConfined } from './confined.js';

// In a new user namespace, the root directory seems to belong to user 65534.
describe.runIf(isRoot).each([
  { namespace: 'that maps no user', wrapper: ['unshare', '-U'] },
  { namespace: 'that maps this user to root', wrapper: ['unshare', '-U', '-r'] },
  { namespace: 'that maps this user to itself', wrapper: ['unshare', '-U', '-c'] },
])('automatic listen of an unprivileged user in a user namespace $namespace', ({ wrapper }) => {
  // Another one than `nobody`, whom the unmapped users appear as.
  const user = { uid: 4242, gid: 4242 };

  it.each([{ name: 'XDG_RUNTIME_DIR' }, { name: 'TMPDIR' }])(
    'works in $name of its own, and warns of the unknown owner above',
    async ({ name }) => {
      const own = await freshDirectory();
      await chown(own, user.uid, user.gid);
      const env = { XDG_RUNTIME_DIR: '', TMPDIR: '/nonexistent', [name]: own };
      const child = await startConfined(wrapper, { ...user, env });
      const { endpoint = '', warnings } = await child.ask({ do: 'listen' });
      expect(dirname(dirname(pathOf(endpoint)))).toBe(own);
      expect(warnings).toEqual([expect.stringMatching(/: the owner of \/\S* is unknown in this user namespace$/)]);
      expect(await child.ask({ do: 'connect', endpoint })).toEqual({ endpoint });
      expect(await child.ask({ do: 'close' })).toEqual({});
      expect(await readdir(own)).toEqual([]);
    },
  );

  it.each([user, otherUser])('works in /tmp as user $uid', async (who) => {
    const child = await startConfined(wrapper, { ...who, env: { XDG_RUNTIME_DIR: '', TMPDIR: '' } });
    const { endpoint = '', warnings } = await child.ask({ do: 'listen' });
    expect(endpoint).toMatch(/^unix:\/tmp\/rpcplugin-/);
    expect(warnings).toEqual([expect.stringMatching(/: the owner of \/\S* is unknown in this user namespace$/)]);
    expect(await child.ask({ do: 'connect', endpoint })).toEqual({ endpoint });
    expect(await child.ask({ do: 'close' })).toEqual({});
    expect(existsSync(pathOf(endpoint))).toBe(false);
  });
});

it.runIf(isRoot)(
  'automatic listen works if a directory of another user has the usual name and seems to be its own',
  async () => {
    const shared = await freshDirectory(0o1777);
    // In a user namespace without a map, every user appears as 65534.
    const taken = join(shared, 'rpcplugin-65534');
    await mkdir(taken, { mode: 0o700 });
    await chown(taken, 4343, 4343);
    const env = { XDG_RUNTIME_DIR: '', TMPDIR: shared };
    const child = await startConfined(['unshare', '-U'], { uid: 4242, gid: 4242, env });
    const { endpoint = '' } = await child.ask({ do: 'listen' });
    expect(dirname(dirname(pathOf(endpoint)))).toBe(shared);
    expect(await child.ask({ do: 'connect', endpoint })).toEqual({ endpoint });
    expect(await child.ask({ do: 'close' })).toEqual({});
    expect(await readdir(shared)).toEqual(['rpcplugin-65534']);
  },
);

it.runIf(isRoot)('listen rejects a group that the user namespace does not map, and leaves nothing', async () => {
  const directory = await freshDirectory(0o777);
  const child = await startConfined(['unshare', '-U', '-r'], { uid: 4242, gid: 4242 });
  const reply = await child.ask({ do: 'listen', options: { directory, group: 4243 } });
  expect(reply.error).toMatchObject({ code: 'INVALID_ARGUMENT', hint: expect.stringContaining('inside') as string });
  expect(reply.error?.message).toContain('4243');
  expect(await readdir(directory)).toEqual([]);
});
