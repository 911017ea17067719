import { chmod, chown, lstat, mkdir, readdir, rename, rmdir, symlink, unlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import {
  descriptorTargets,
  exhaustDescriptors,
  freshDirectory,
  isRoot,
  otherUser,
  recoverDescriptors,
  run,
  script,
  startProgram,
  until,
} from '@rpcplugin/test-support';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { OWN } from '../src/access.js';
import { Directory } from '../src/directory.js';
import { fileAt } from '../src/files.js';
import { modeOf, otherGroup, plainServer } from './support.js';

const group = await otherGroup();

let path: string;
let parent: Directory;

beforeEach(async () => {
  path = await freshDirectory();
  parent = opened(Directory.open(path));
});

/** Closes a directory after the test. */
function opened(directory: Directory): Directory {
  onTestFinished(() => {
    directory.close();
  });
  return directory;
}

describe('Directory', () => {
  it('leads to the same directory after another one takes its name', async () => {
    await mkdir(join(path, 'ours'));
    const directory = opened(Directory.open(join(path, 'ours')));
    await rename(join(path, 'ours'), join(path, 'moved'));
    await mkdir(join(path, 'ours'));
    await writeFile(directory.at('file'), '');
    const again = opened(directory.reopen());
    expect(again.stats.ino).toBe(directory.stats.ino);
    expect(again.path).toBe(join(path, 'ours'));
    expect(await readdir(join(path, 'ours'))).toEqual([]);
    expect(await readdir(join(path, 'moved'))).toEqual(['file']);
  });

  it('knows when it was removed', async () => {
    await mkdir(join(path, 'ours'));
    const directory = opened(Directory.open(join(path, 'ours')));
    expect(directory.isRemoved).toBe(false);
    await rmdir(join(path, 'ours'));
    expect(directory.isRemoved).toBe(true);
  });

  it('opens no file and leaves no descriptor open after an error', async () => {
    await writeFile(join(path, 'file'), '');
    await symlink('file', join(path, 'link'));
    const before = descriptorTargets();
    expect(() => Directory.open(join(path, 'missing'))).toThrow('ENOENT');
    expect(() => Directory.open(join(path, 'file'))).toThrow('ENOTDIR');
    expect(() => parent.openChild('link')).toThrow('ENOTDIR');
    expect(() => parent.create('file', OWN)).toThrow('EEXIST');
    expect(descriptorTargets()).toEqual(before);
  });

  it('opens one of this user or none while another process creates and removes it', async () => {
    const ours = join(path, 'ours');
    startProgram(['perl', '-e', 'for (;;) { mkdir $ARGV[0], 0700; rmdir $ARGV[0] }', ours]);
    await until(() => fileAt(ours) !== undefined);
    const found = new Set<string | undefined>();
    for (let round = 0; round < 50_000; round++) {
      const directory = parent.openOwn('ours', OWN);
      found.add(directory?.path);
      directory?.close();
    }
    for (const each of found) expect([undefined, ours]).toContain(each);
  });

  it('closes its descriptor once', () => {
    const before = descriptorTargets().length;
    const directory = Directory.open(path);
    directory.close();
    const other = opened(Directory.open(path));
    directory.close();
    expect(descriptorTargets()).toHaveLength(before + 1);
    expect(other.isRemoved).toBe(false);
  });
});

describe('openOrCreate', () => {
  it('creates a directory of this user and opens it again', async () => {
    const created = opened(parent.openOrCreate('ours', OWN));
    const again = opened(parent.openOrCreate('ours', OWN));
    expect(created.path).toBe(join(path, 'ours'));
    expect(again.stats.ino).toBe(created.stats.ino);
    expect(await modeOf(join(path, 'ours'))).toBe(0o700);
    expect(await readdir(path)).toEqual(['ours']);
  });

  it.each([
    { what: 'a file', put: (name: string) => writeFile(name, '') },
    { what: 'a symbolic link to a directory', put: (name: string) => symlink('.', name) },
    { what: 'a dangling symbolic link', put: (name: string) => symlink('nothing', name) },
    { what: 'a socket', put: (name: string) => plainServer(name) },
    { what: 'a directory that others can read', put: (name: string) => makeDirectory(name, 0o755) },
    { what: 'a directory that others can write to', put: (name: string) => makeDirectory(name, 0o777) },
    { what: 'a directory of a group', put: (name: string) => makeDirectory(name, 0o710) },
  ])('takes another name, which cannot be guessed, if $what has the name', async ({ put }) => {
    await put(join(path, 'ours'));
    const before = await lstat(join(path, 'ours'));
    const names = [];
    for (let i = 0; i < 2; i++) names.push(basename(opened(parent.openOrCreate('ours', OWN)).path));
    for (const name of names) {
      expect(name).toMatch(/^ours-[\w-]{12}$/);
      expect(await modeOf(join(path, name))).toBe(0o700);
    }
    expect(await readdir(path)).toHaveLength(3);
    const { ino, mode } = await lstat(join(path, 'ours'));
    expect({ ino, mode }).toEqual({ ino: before.ino, mode: before.mode });
  });

  it('throws if a directory can never be created, or not be opened, and leaves none', async () => {
    expect(() => parent.openOrCreate('x'.repeat(256), OWN)).toThrow('ENAMETOOLONG');
    onTestFinished(recoverDescriptors);
    exhaustDescriptors();
    expect(() => parent.openOrCreate('ours', OWN)).toThrow('EMFILE');
    recoverDescriptors();
    expect(await readdir(path)).toEqual([]);
  });

  it.runIf(isRoot)('takes another name if a directory of another user has the name', async () => {
    await mkdir(join(path, 'ours'), { mode: 0o700 });
    await chown(join(path, 'ours'), otherUser.uid, otherUser.gid);
    expect(basename(opened(parent.openOrCreate('ours', OWN)).path)).toMatch(/^ours-[\w-]{12}$/);
    expect((await lstat(join(path, 'ours'))).uid).toBe(otherUser.uid);
  });

  it.runIf(group !== undefined)('opens a directory to a group only while it is empty', async () => {
    const access = { mode: 0o710, gid: group?.gid };
    const created = opened(parent.openOrCreate('theirs', access));
    expect(await modeOf(created.path)).toBe(0o710);
    expect((await lstat(created.path)).gid).toBe(group?.gid);
    expect(opened(parent.openOrCreate('theirs', access)).path).toBe(created.path);
    await makeDirectory(join(path, 'ours'), 0o700);
    expect(opened(parent.openOrCreate('ours', access)).path).toBe(join(path, 'ours'));
    expect(await modeOf(join(path, 'ours'))).toBe(0o710);

    await mkdir(join(path, 'home/private'), { recursive: true });
    await chmod(join(path, 'home'), 0o700);
    expect(basename(opened(parent.openOrCreate('home', access)).path)).toMatch(/^home-[\w-]{12}$/);
    expect(await modeOf(join(path, 'home'))).toBe(0o700);
  });

  it.runIf(group !== undefined)('takes another name if a directory of another group has the name', async () => {
    await makeDirectory(join(path, 'theirs'), 0o710);
    const { gid } = await lstat(join(path, 'theirs'));
    const taken = opened(parent.openOrCreate('theirs', { mode: 0o710, gid: group?.gid }));
    expect(basename(taken.path)).toMatch(/^theirs-[\w-]{12}$/);
    expect((await lstat(join(path, 'theirs'))).gid).toBe(gid);
  });

  it('opens a directory that is in use and gives it back what the umask of its creator took away', async () => {
    await makeDirectory(join(path, 'ours'), 0o700);
    await writeFile(join(path, 'ours/file'), '');
    await chmod(join(path, 'ours'), 0o100);
    expect(opened(parent.openOrCreate('ours', OWN)).path).toBe(join(path, 'ours'));
    expect(await modeOf(join(path, 'ours'))).toBe(0o700);
  });

  it.each([
    { by: 'root', user: {}, isRun: isRoot },
    { by: 'another user', user: otherUser, isRun: isRoot },
  ])('gives directories their mode under any umask, as $by', async ({ user, isRun }) => {
    if (!isRun) return;
    const open = await freshDirectory(0o777);
    const { stdout, stderr } = await run(script(import.meta.url, underUmasks, open), user);
    expect(stderr).toBe('');
    expect(stdout.trim().split('\n')).toEqual(['177 700 710 700', '277 700 710 700', '777 700 710 700']);
    expect(await readdir(open)).toEqual([]);
  });
});

/** Under each umask, prints it and the modes of a created, of a group's and of a found directory. */
const underUmasks = `
  import { mkdirSync, rmdirSync, statSync } from 'node:fs';
  import { OWN } from '../src/access.js';
  import { Directory } from '../src/directory.js';
  const path = process.argv[2];
  const parent = Directory.open(path);
  for (const umask of [0o177, 0o277, 0o777]) {
    process.umask(umask);
    // As another process leaves it that has this umask and was killed.
    mkdirSync(path + '/found', 0o700);
    const modes = [
      parent.openOrCreate('ours', OWN),
      parent.openOrCreate('group', { mode: 0o710, gid: process.getegid() }),
      parent.openOrCreate('found', OWN),
    ].map((directory) => statSync(directory.path).mode & 0o777);
    console.log([umask, ...modes].map((mode) => mode.toString(8)).join(' '));
    for (const name of ['ours', 'group', 'found']) rmdirSync(path + '/' + name);
  }
`;

describe('release', () => {
  it('removes an empty directory', async () => {
    expect(parent.release(parent.create('ours', OWN))).toBe(true);
    expect(await readdir(path)).toEqual([]);
  });

  it.each([
    {
      what: 'it is not empty',
      change: () => writeFile(join(path, 'ours/file'), ''),
      left: ['ours'],
    },
    {
      what: 'another directory has its name',
      change: async () => {
        await rename(join(path, 'ours'), join(path, 'moved'));
        await mkdir(join(path, 'ours'));
      },
      left: ['moved', 'ours'],
    },
    {
      what: 'a symbolic link to it has its name',
      change: async () => {
        await rename(join(path, 'ours'), join(path, 'moved'));
        await symlink('moved', join(path, 'ours'));
      },
      left: ['moved', 'ours'],
    },
    {
      what: 'a file has its name',
      change: async () => {
        await rmdir(join(path, 'ours'));
        await writeFile(join(path, 'ours'), '');
      },
      left: ['ours'],
    },
    { what: 'it was removed', change: () => rmdir(join(path, 'ours')), left: [] },
    {
      what: 'its parent was replaced',
      change: async () => {
        await rename(path, `${path}-moved`);
        await mkdir(join(path, 'ours'), { recursive: true });
      },
      left: ['ours'],
    },
  ])('removes nothing else if $what', async ({ change, left }) => {
    const child = parent.create('ours', OWN);
    await change();
    const before = descriptorTargets().length;
    parent.release(child);
    expect(descriptorTargets()).toHaveLength(before - 1);
    expect(await readdir(path)).toEqual(left);
    // In the last case, the directory itself is removed, wherever it is now.
    if (fileAt(`${path}-moved`) === undefined) return;
    expect(await readdir(`${path}-moved`)).toEqual([]);
    await rmdir(`${path}-moved`);
  });
});

describe('unlinkSocket', () => {
  it('removes this socket and no other', async () => {
    await plainServer(join(path, 's'));
    const socket = await lstat(join(path, 's'), { bigint: true });
    parent.unlinkSocket('s', socket);
    expect(await readdir(path)).toEqual([]);
    await writeFile(join(path, 's'), '');
    parent.unlinkSocket('s', socket);
    expect(await readdir(path)).toEqual(['s']);
    await unlink(join(path, 's'));
    parent.unlinkSocket('s', socket);
  });
});

async function makeDirectory(name: string, mode: number): Promise<void> {
  await mkdir(name);
  await chmod(name, mode);
}
