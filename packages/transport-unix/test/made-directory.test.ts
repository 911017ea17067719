import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freshDirectory } from '@rpcplugin/test-support';
import { expect, it } from 'vitest';
import { removeIfEmpty } from '../src/made-directory.js';
import { transport } from './support.js';

it('a directory that replaces a removed one is removed with its own last user', async () => {
  const directory = await freshDirectory();
  const [first, second, third] = ['1', '2', '3'].map((name) => transport({ path: join(directory, 'a', name) }));
  await first?.listen();
  await rm(join(directory, 'a'), { recursive: true });
  await second?.listen();
  await first?.close();
  await third?.listen();
  await second?.close();
  expect(await readdir(join(directory, 'a'))).toEqual(['3']);
  await third?.close();
  expect(await readdir(directory)).toEqual([]);
});

it('a directory that others create after ours was removed stays, even with the same inode', async () => {
  const directory = await freshDirectory();
  for (let i = 0; i < 5; i++) {
    const path = join(directory, `${i}`, 'p.sock');
    const first = transport({ path });
    await first.listen();
    await first.close();
    await mkdir(join(directory, `${i}`));
    const second = transport({ path });
    await second.listen();
    await second.close();
  }
  expect((await readdir(directory)).sort()).toEqual(['0', '1', '2', '3', '4']);
});

it('removeIfEmpty ignores missing and non-empty directories and files, but throws other errors', async () => {
  const directory = await freshDirectory();
  await writeFile(join(directory, 'file'), '');
  removeIfEmpty(join(directory, 'nothing'));
  removeIfEmpty(join(directory, 'file'));
  removeIfEmpty(directory);
  expect(() => {
    removeIfEmpty(`${directory}/.`);
  }).toThrow('EINVAL');
  expect(await readdir(directory)).toEqual(['file']);
});
