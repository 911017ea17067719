import { chown, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { entriesOf, freshDirectory, isRoot, otherUser, pathOf } from '@rpcplugin/test-support';
import { describe, expect, it } from 'vitest';
import { startConfined } from './confined.js';
import { modeOf } from './support.js';

const self = { uid: process.getuid?.() ?? -1, gid: process.getgid?.() ?? -1 };

describe.each(isRoot ? [self, otherUser] : [self])('as user $uid', (user) => {
  // 0177 is a common way to make a socket private.
  it.each([0o177, 0o277, 0o777])('listen works under umask %o and leaves nothing behind', async (umask) => {
    const directory = await freshDirectory();
    await chown(directory, user.uid, user.gid);
    const child = await startConfined([], { ...user, env: { XDG_RUNTIME_DIR: '', TMPDIR: directory } });
    const { gid: group } = user;
    for (const { options, parentMode } of [
      { options: { path: join(directory, 'p.sock') }, parentMode: 0o700 },
      { options: { path: join(directory, 'a/b/p.sock') }, parentMode: 0o700 },
      { options: { path: join(directory, 'c/d/p.sock'), group }, parentMode: 0o710 },
      { options: { directory: join(directory, 'e/f') }, parentMode: 0o700 },
      { options: { directory: join(directory, 'g/h'), group }, parentMode: 0o710 },
      { options: { group }, parentMode: 0o710 },
      { options: {}, parentMode: 0o700 },
    ]) {
      const { endpoint = '', warnings } = await child.ask({
        do: 'listen',
        options: { ...options, mode: 0o640 },
        umask,
      });
      expect(warnings).toEqual([]);
      expect(await modeOf(pathOf(endpoint))).toBe(0o640);
      expect(await modeOf(dirname(pathOf(endpoint)))).toBe(parentMode);
      expect(await child.ask({ do: 'connect', endpoint })).toEqual({ endpoint });
    }
    expect((await entriesOf(directory)).filter((name) => name.includes('.rpcplugin'))).toEqual([]);
    expect(await child.ask({ do: 'close' })).toEqual({});
    expect(await readdir(directory)).toEqual([]);
  });
});
