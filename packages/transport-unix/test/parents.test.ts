import { mkdir, readdir, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  descriptorTargets,
  entriesOf,
  exhaustDescriptors,
  freshDirectory,
  isRoot,
  recoverDescriptors,
  startProgram,
  thrownBy,
  until,
} from '@rpcplugin/test-support';
import { beforeEach, expect, it, onTestFinished } from 'vitest';
import { OWN } from '../src/access.js';
import { openWithParents } from '../src/parents.js';
import { modeOf, transport } from './support.js';

let directory: string;

beforeEach(async () => {
  directory = await freshDirectory();
});

it('opens an existing directory and leaves it alone', async () => {
  await mkdir(join(directory, 'a'), { mode: 0o755 });
  const before = descriptorTargets();
  const used = openWithParents(join(directory, 'a'), OWN);
  expect(used.directory.stats.ino).toBe((await stat(join(directory, 'a'), { bigint: true })).ino);
  used.release();
  expect(await modeOf(join(directory, 'a'))).toBe(0o755);
  expect(descriptorTargets()).toEqual(before);
});

it('creates missing directories, below a symbolic link too, and removes them with their last user', async () => {
  await mkdir(join(directory, 'target'));
  await symlink('target', join(directory, 'link'));
  const before = descriptorTargets();
  const [one, other] = ['a/b', 'a/c'].map((name) => openWithParents(join(directory, 'link', name), OWN));
  const again = openWithParents(join(directory, 'link/a/b'), OWN);
  one?.release();
  expect(await entriesOf(join(directory, 'target'))).toEqual(['a', 'a/b', 'a/c']);
  for (const name of ['a', 'a/b', 'a/c']) expect(await modeOf(join(directory, 'target', name))).toBe(0o700);
  again.release();
  expect(await entriesOf(join(directory, 'target'))).toEqual(['a', 'a/c']);
  other?.release();
  expect(await entriesOf(directory)).toEqual(['link', 'target']);
  expect(descriptorTargets()).toEqual(before);
});

it('removes a directory that replaces a removed one with its own last user', async () => {
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

it('keeps a directory that others create after ours was removed, even with the same inode', async () => {
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

it('removes no directory that another one has replaced', async () => {
  const used = openWithParents(join(directory, 'a/b'), OWN);
  const elsewhere = await freshDirectory();
  await mkdir(join(elsewhere, 'b'));
  // As an attacker does who may write to the directory.
  await rename(join(directory, 'a'), join(directory, 'moved'));
  await symlink(elsewhere, join(directory, 'a'));
  used.release();
  expect(await readdir(elsewhere)).toEqual(['b']);
  expect(await readdir(directory)).toEqual(['a', 'moved']);
  expect(await readdir(join(directory, 'moved'))).toEqual([]);
});

it.each(['file', 'file/a', 'link', 'link/a'])('rejects %s, a file or below one, with NOT_FOUND', async (name) => {
  await writeFile(join(directory, 'file'), '');
  await symlink('file', join(directory, 'link'));
  const before = descriptorTargets();
  const error = thrownBy(() => openWithParents(join(directory, name), OWN));
  const message = expect.stringContaining('not a directory') as string;
  expect(error).toMatchObject({ code: 'NOT_FOUND', message, cause: { code: 'ENOTDIR' } });
  expect(await readdir(directory)).toEqual(['file', 'link']);
  expect(descriptorTargets()).toEqual(before);
});

it('says why a directory cannot be created, and removes those above it', async () => {
  expect(() => openWithParents(join(directory, 'a/b', 'x'.repeat(256)), OWN)).toThrow('ENAMETOOLONG');
  expect(await readdir(directory)).toEqual([]);
});

it('throws if no descriptor is left, and creates nothing', async () => {
  onTestFinished(recoverDescriptors);
  exhaustDescriptors();
  expect(() => openWithParents(join(directory, 'a/b'), OWN)).toThrow('EMFILE');
  recoverDescriptors();
  expect(await readdir(directory)).toEqual([]);
});

it('does not create the target of a dangling symbolic link', async () => {
  await symlink('nothing', join(directory, 'link'));
  expect(() => openWithParents(join(directory, 'link/a'), OWN)).toThrow(/ENOENT|is not a directory/);
  expect(await readdir(directory)).toEqual(['link']);
});

it.runIf(process.platform === 'linux').each(['/proc/nope', '/proc/x/y', '/proc/4194305/root/tmp/p'])(
  'throws ENOENT for %s, where a recursive mkdir never returns',
  (path) => {
    expect(() => openWithParents(path, OWN)).toThrow('ENOENT');
  },
);

it.runIf(isRoot && process.platform === 'linux')('throws for a process that ended meanwhile', async () => {
  const program = startProgram(['sleep', '1000']);
  const { pid } = program.process;
  await until(async () => (await stat(`/proc/${pid}/root/`)).isDirectory());
  await program.kill();
  expect(() => openWithParents(`/proc/${pid}/root/tmp/p`, OWN)).toThrow('ENOENT');
});
