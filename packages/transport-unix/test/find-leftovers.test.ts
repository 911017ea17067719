import { chmod, chown, lstat, mkdir, readdir, rename, stat, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import {
  entriesOf,
  exhaustDescriptors,
  freshDirectory,
  isRoot,
  otherUser,
  pathOf,
  plainListener,
  recoverDescriptors,
  rejectionOf,
  staleSocketAt,
} from '@rpcplugin/test-support';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { createSocketDirectory } from '../src/index.js';
import { findLeftovers, removeLeftovers } from '../src/leftovers.js';
import type { Leftover } from '../src/leftovers.js';
import { ownedName } from '../src/owner.js';
import { bundleChild } from './bundle.js';
import { startProcess } from './racers.js';
import { nameOfGone, nameOfUnknown, openResources, stagingName } from './support.js';

const privateName = `rpcplugin-${process.getuid?.()}`;

let directory: string;

beforeEach(async () => {
  directory = await freshDirectory();
});

/** What is known of each owner, by the path below the directory. */
function owners(leftovers: readonly Leftover[]): Record<string, string> {
  return Object.fromEntries(leftovers.map(({ path, owner }) => [path.slice(directory.length + 1), owner]));
}

/** Everything that a removal could change. */
async function snapshot(): Promise<unknown> {
  const paths = ['.', ...(await entriesOf(directory))];
  return Promise.all(
    paths.map(async (path) => {
      const { mode, uid, gid, ino, ctimeMs } = await lstat(join(directory, path));
      return { path, mode, uid, gid, ino, ctimeMs };
    }),
  );
}

/** Creates a socket without a listener at a path that may be too long to bind. */
async function staleAt(path: string): Promise<void> {
  await staleSocketAt(join(directory, 's'));
  await rename(join(directory, 's'), path);
}

/** Makes a private or staging directory in the directory. */
async function makeOwn(name: string, mode = 0o700): Promise<string> {
  await mkdir(join(directory, name), { mode });
  return join(directory, name);
}

describe('the leftovers of killed processes', () => {
  it('are found, change nothing, and are removed with their directory', async () => {
    vi.stubEnv('XDG_RUNTIME_DIR', directory);
    const killed = await startProcess(bundleChild('racer'));
    vi.unstubAllEnvs();
    const path = pathOf(await killed.ask({ listen: {} }));
    expect(owners(await findLeftovers(directory))).toEqual({ [path.slice(directory.length + 1)]: 'alive' });
    await killed.kill();

    const [before, resources] = [await snapshot(), openResources()];
    const found = await findLeftovers(directory);
    expect(owners(found)).toEqual({ [path.slice(directory.length + 1)]: 'gone', [privateName]: 'gone' });
    expect(found[0]).toEqual({
      path,
      kind: 'socket',
      owner: 'gone',
      pid: Number(basename(path).split('-')[2]),
      reason: 'its process has ended',
      isRemoved: false,
    });
    expect(await snapshot()).toEqual(before);

    expect(await removeLeftovers(directory)).toEqual(found.map((each) => ({ ...each, isRemoved: true })));
    expect(await readdir(directory)).toEqual([]);
    expect(openResources()).toBe(resources);
  });

  it('are found in the usual places', async () => {
    vi.stubEnv('XDG_RUNTIME_DIR', directory);
    const name = nameOfGone('plugin');
    await staleSocketAt(join(await makeOwn(privateName), name));
    const found = await findLeftovers();
    vi.unstubAllEnvs();
    expect(owners(found)).toMatchObject({ [`${privateName}/${name}`]: 'gone', [privateName]: 'gone' });
  });

  it('are found in the private directory itself, and in one whose usual name was taken', async () => {
    for (const name of [privateName, `${privateName}-42-abcdefghijkl`]) {
      const socket = join(await makeOwn(name), nameOfGone('plugin'));
      await staleAt(socket);
      const resources = openResources();
      const found = await removeLeftovers(join(directory, name));
      expect(found.map(({ path, isRemoved }) => [path, isRemoved])).toEqual([
        [socket, true],
        [dirname(socket), true],
      ]);
      expect(openResources()).toBe(resources);
    }
  });

  it('are found in the directory of sockets that a person chose, without other files', async () => {
    const [gone, file] = [nameOfGone('plugin'), nameOfGone('file')];
    for (const name of [gone, 'p.sock', 'plugin1234567890']) await staleSocketAt(join(directory, name));
    await writeFile(join(directory, file), '');
    await symlink(file, join(directory, 'link'));
    await symlink(file, join(directory, nameOfGone('link')));
    const others = (await readdir(directory)).filter((name) => name !== gone);
    expect(owners(await removeLeftovers(directory))).toEqual({ [gone]: 'gone' });
    expect(await readdir(directory)).toEqual(others);
  });
});

describe('in a private or staging directory', () => {
  it('locks name the process that holds them', async () => {
    const staging = await makeOwn(stagingName);
    const locks = { 'lock:a': ownedName('lock'), 'lock:b': nameOfGone('lock'), 'lock:c': nameOfUnknown('lock') };
    for (const [name, target] of Object.entries(locks)) await symlink(target, join(staging, name));
    const before = await snapshot();
    expect((await findLeftovers(directory)).map(({ isRemoved }) => isRemoved)).toEqual([false, false, false]);
    expect(await snapshot()).toEqual(before);
    const found = await removeLeftovers(directory);
    expect(found.map(({ kind, owner, pid, isRemoved }) => [kind, owner, pid, isRemoved])).toEqual([
      ['lock', 'alive', process.pid, false],
      ['lock', 'gone', 4_194_305, true],
      ['lock', 'unknown', undefined, false],
    ]);
    expect((await readdir(staging)).sort()).toEqual(['lock:a', 'lock:c']);
  });

  it('what is in use or of an unknown owner stays, with the directory', async () => {
    const place = await makeOwn(privateName);
    const [alive, unknown, beaconed] = [ownedName('plugin'), nameOfUnknown('new'), nameOfUnknown('plugin')];
    const beacon = beaconed.replace('plugin', 'beacon');
    for (const name of [alive, unknown, beaconed]) await staleSocketAt(join(place, name));
    await plainListener({ path: join(place, beacon) });
    const at = (name: string): string => `${privateName}/${name}`;
    const expected = { [at(alive)]: 'alive', [at(unknown)]: 'unknown', [at(beacon)]: 'alive' };
    expect(owners(await removeLeftovers(directory))).toEqual(expected);
    expect((await readdir(place)).sort()).toEqual([alive, unknown, beaconed, beacon].sort());
  });

  it('the beacon of a dead plugin in a container goes with its socket', async () => {
    const name = nameOfUnknown('plugin');
    const place = await makeOwn(privateName);
    for (const each of [name, name.replace('plugin', 'beacon')]) await staleSocketAt(join(place, each));
    expect((await removeLeftovers(directory)).map(({ owner }) => owner)).toEqual(['gone', 'gone', 'gone']);
    expect(await readdir(directory)).toEqual([]);
  });

  it("the directory of a dead host goes with its plugins' sockets, unless it has other files", async () => {
    const place = await makeOwn(privateName);
    const [clean, used] = [nameOfGone('host'), nameOfGone('host')];
    for (const name of [clean, used]) {
      await mkdir(join(place, name));
      await staleAt(join(place, name, nameOfGone('plugin')));
    }
    await writeFile(join(place, used, 'file'), '');
    const before = await snapshot();
    const found = await findLeftovers(directory);
    expect(await snapshot()).toEqual(before);
    const directories = found.filter(({ kind }) => kind === 'directory');
    expect(owners(directories)).toEqual({ [`${privateName}/${clean}`]: 'gone', [`${privateName}/${used}`]: 'alive' });
    await removeLeftovers(directory);
    expect(await entriesOf(place)).toEqual([used, `${used}/file`]);
  });

  it('the directory of a live host stays', async () => {
    await using host = await createSocketDirectory({ base: directory });
    const found = await removeLeftovers(directory);
    expect(owners(found)).toEqual({ [host.path.slice(directory.length + 1)]: 'alive' });
    expect(found.map(({ reason }) => reason)).toEqual(['its process runs']);
    expect((await stat(host.path)).isDirectory()).toBe(true);
  });
});

describe('a directory that others can change', () => {
  it.each([0o770, 0o702])('of mode %o is listed, and left alone', async (mode) => {
    const place = await makeOwn(privateName);
    const name = nameOfGone('plugin');
    await staleSocketAt(join(place, name));
    await chmod(place, mode);
    const reason = 'other users can write to it';
    expect(await removeLeftovers(directory)).toMatchObject([{ path: place, owner: 'unknown', reason }]);
    expect(await readdir(place)).toEqual([name]);
    expect((await stat(place)).mode & 0o777).toBe(mode);
  });

  it('keeps its sockets if a person names it', async () => {
    const name = nameOfGone('plugin');
    await staleSocketAt(join(directory, name));
    await chmod(directory, 0o770);
    expect(await removeLeftovers(directory)).toEqual([]);
    await chmod(directory, 0o700);
    if (isRoot) {
      await chown(directory, otherUser.uid, otherUser.gid);
      expect(await removeLeftovers(directory)).toEqual([]);
    }
    expect(await readdir(directory)).toEqual([name]);
  });

  it('is not removed if it is empty, either', async () => {
    const place = await makeOwn(privateName);
    await chmod(place, 0o777);
    expect(await removeLeftovers(directory)).toMatchObject([{ path: place, owner: 'unknown', isRemoved: false }]);
    expect(await readdir(directory)).toEqual([privateName]);
  });

  it.runIf(isRoot)('because it belongs to another user is listed, and left alone', async () => {
    const place = await makeOwn(`rpcplugin-${otherUser.uid}`);
    const name = nameOfGone('plugin');
    await staleSocketAt(join(place, name));
    await chown(place, otherUser.uid, otherUser.gid);
    const reason = 'it belongs to another user';
    expect(await removeLeftovers(directory)).toMatchObject([{ path: place, owner: 'unknown', reason }]);
    expect(await readdir(place)).toEqual([name]);
  });
});

it('a directory that does not exist is NOT_FOUND', async () => {
  const error = await rejectionOf(findLeftovers(join(directory, 'missing')));
  expect(error).toMatchObject({ code: 'NOT_FOUND', endpoint: join(directory, 'missing') });
  expect(error.hint).toMatch(/exists/);
});

it('a file with the name of a private directory is NOT_FOUND', async () => {
  await writeFile(join(directory, privateName), '');
  expect((await rejectionOf(removeLeftovers(join(directory, privateName)))).code).toBe('NOT_FOUND');
  expect(await removeLeftovers(directory)).toEqual([]);
  expect(await readdir(directory)).toEqual([privateName]);
});

it.each([
  { what: 'a private directory', leave: 2, left: '', owner: 'unknown' },
  { what: 'the directory of a host', leave: 3, left: nameOfGone('host'), owner: 'gone' },
])('$what that cannot be read is listed with the reason, and stays', async ({ leave, left, owner }) => {
  const place = join(await makeOwn(privateName), left);
  await mkdir(join(place, 'other'), { recursive: true });
  onTestFinished(recoverDescriptors);
  exhaustDescriptors({ leave });
  const removing = removeLeftovers(directory);
  const found = await removing.finally(recoverDescriptors);
  const reason = expect.stringMatching(/^EMFILE: (?!.*self)/) as string;
  expect(found).toMatchObject([{ path: place, kind: 'directory', owner, reason, isRemoved: false }]);
  expect(await readdir(place)).toEqual(['other']);
});

it('a directory that is no string is INVALID_ARGUMENT', async () => {
  expect((await rejectionOf(findLeftovers(42 as never))).code).toBe('INVALID_ARGUMENT');
});
