import { chown, mkdir, readdir, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freshDirectory, isRoot, otherUser } from '@rpcplugin/test-support';
import { expect, it } from 'vitest';
import { HeldDirectory } from '../src/held-directory.js';

it('leads to the same directory after another one takes its name', async () => {
  const parent = await freshDirectory();
  await mkdir(join(parent, 'ours'));
  const directory = HeldDirectory.open(join(parent, 'ours'));
  await rename(join(parent, 'ours'), join(parent, 'moved'));
  await mkdir(join(parent, 'ours'));
  await writeFile(directory.at('file'), '');
  directory.close();
  expect(await readdir(join(parent, 'ours'))).toEqual([]);
  expect(await readdir(join(parent, 'moved'))).toEqual(['file']);
});

it('openOwn rejects a symbolic link', async () => {
  const parent = await freshDirectory();
  await symlink(parent, join(parent, 'link'));
  expect(() => HeldDirectory.openOwn(join(parent, 'link'))).toThrow();
});

it.runIf(isRoot)('openOwn rejects a directory of another user', async () => {
  const directory = await freshDirectory();
  await chown(directory, otherUser.uid, otherUser.gid);
  expect(() => HeldDirectory.openOwn(directory)).toThrow('another user');
});
