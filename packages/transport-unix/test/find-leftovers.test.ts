import { rmdirSync } from 'node:fs';
import { chmod, chown, link, lstat, mkdir, readdir, rename, stat, symlink, unlink, writeFile } from 'node:fs/promises';
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
  run,
  script,
  staleSocketAt,
  turns,
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
    const pid = Number(basename(path).split('-')[2]);
    const live = { path, kind: 'socket', owner: 'alive', pid, isRemoved: false };
    expect(await findLeftovers(directory)).toMatchObject([live]);
    await killed.kill();

    const [before, resources] = [await snapshot(), openResources()];
    const found = await findLeftovers(directory);
    expect(owners(found)).toEqual({ [path.slice(directory.length + 1)]: 'gone', [privateName]: 'gone' });
    expect(found).toEqual([
      { ...live, owner: 'gone', reason: 'its process has ended' },
      { path: dirname(path), kind: 'directory', owner: 'gone', reason: 'nothing uses it', isRemoved: false },
    ]);
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
    for (const name of [gone, 'p.sock', 'plugin1234567890', 'beacon-of-another-program']) {
      await staleSocketAt(join(directory, name));
    }
    for (const name of [file, ownedName('file')]) await writeFile(join(directory, name), '');
    await symlink(file, join(directory, 'link'));
    for (const name of [nameOfGone('link'), ownedName('link')]) await symlink(file, join(directory, name));
    await symlink(nameOfGone('lock'), join(directory, 'lock:a'));
    const directories = ['work', `old-${privateName}`, `${privateName}.old`, `${privateName}-abcdefghijkl.old`];
    for (const name of directories) await staleAt(join(await makeOwn(name), nameOfGone('plugin')));
    const others = (await readdir(directory)).filter((name) => name !== gone);
    expect(owners(await removeLeftovers(directory))).toEqual({ [gone]: 'gone' });
    expect(await readdir(directory)).toEqual(others);
    for (const name of directories) expect(await readdir(join(directory, name))).toHaveLength(1);
  });

  it('are found in a staging directory in a private one', async () => {
    const staging = join(await makeOwn(privateName), stagingName);
    await mkdir(staging, { mode: 0o700 });
    await staleAt(join(staging, nameOfGone('new')));
    expect((await removeLeftovers(directory)).map(({ owner }) => owner)).toEqual(['gone', 'gone', 'gone']);
    expect(await readdir(directory)).toEqual([]);
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

  it('a lock that another process takes meanwhile is not removed', async () => {
    const lock = join(await makeOwn(stagingName), 'lock:a');
    await symlink(nameOfGone('lock'), lock);
    // Whoever breaks a lock holds this one.
    await symlink(ownedName('lock'), `${lock}~`);
    const removing = removeLeftovers(directory);
    await turns(1);
    await unlink(lock);
    await symlink(ownedName('lock'), lock);
    await unlink(`${lock}~`);
    const found = (await removing).filter(({ path }) => path === lock);
    expect(found).toMatchObject([{ kind: 'lock', owner: 'gone', isRemoved: false }]);
    expect(await readdir(dirname(lock))).toEqual(['lock:a']);
  });

  it('what another process removes meanwhile is not listed', async () => {
    const [place, other] = [await makeOwn(privateName), await makeOwn(`${privateName}-42`)];
    const [beacon, host] = [nameOfUnknown('beacon'), nameOfGone('host')].map((name) => join(place, name));
    await staleSocketAt(String(beacon));
    await mkdir(String(host));
    // It probes the beacon, and has read the names of the others.
    const removing = removeLeftovers(directory);
    for (const path of [String(host), other]) rmdirSync(path);
    expect((await removing).map(({ path, isRemoved }) => [path, isRemoved])).toEqual([
      [beacon, true],
      [place, true],
    ]);
  });

  it('what is in use or of an unknown owner stays, with the directory', async () => {
    const place = await makeOwn(privateName);
    const [alive, unknown, beaconed] = [ownedName('plugin'), nameOfUnknown('new'), nameOfUnknown('plugin')];
    const beacon = beaconed.replace('plugin', 'beacon');
    for (const name of [alive, unknown, beaconed, 'p.sock']) await staleSocketAt(join(place, name));
    await mkdir(join(place, 'work'));
    await plainListener({ path: join(place, beacon) });
    const at = (name: string): string => `${privateName}/${name}`;
    const expected = { [at(alive)]: 'alive', [at(unknown)]: 'unknown', [at(beacon)]: 'alive' };
    expect(owners(await removeLeftovers(directory))).toEqual(expected);
    expect((await readdir(place)).sort()).toEqual([alive, unknown, beaconed, beacon, 'p.sock', 'work'].sort());
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

  it('the directory of a dead host goes at once if it has no more than twenty sockets', async () => {
    const place = await makeOwn(privateName);
    await staleSocketAt(join(directory, 's'));
    const hosts = await Promise.all(
      [20, 21].map(async (count) => {
        const host = nameOfGone('host');
        await mkdir(join(place, host));
        for (let i = 0; i < count; i++) await link(join(directory, 's'), join(place, host, `plugin${i}`));
        return host;
      }),
    );
    const [twenty, more] = hosts.map((host) => join(place, host));
    const found = (await findLeftovers(directory)).filter(({ kind }) => kind === 'directory');
    expect(Object.fromEntries(found.map(({ path, owner }) => [path, owner]))).toEqual({
      [String(twenty)]: 'gone',
      [String(more)]: 'alive',
    });
    await removeLeftovers(directory);
    expect(await readdir(place)).toEqual([basename(String(more))]);
    expect(await readdir(String(more))).toHaveLength(1);
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

it.runIf(isRoot)('what this user may list but not enter is listed as unknown, with the reason', async () => {
  await mkdir(join(directory, privateName));
  await chown(directory, otherUser.uid, otherUser.gid);
  await chmod(directory, 0o400);
  const code = `
    import { findLeftovers } from '../src/leftovers.js';
    for (const { owner, reason } of await findLeftovers(process.argv[2])) console.log(owner + ': ' + reason);
  `;
  const { stdout, stderr } = await run(script(import.meta.url, code, directory), otherUser);
  expect({ stdout, stderr }).toEqual({ stdout: expect.stringMatching(/^unknown: EACCES: /) as string, stderr: '' });
});

it.each(['missing', privateName])('a directory that does not exist is NOT_FOUND: %s', async (name) => {
  const error = await rejectionOf(findLeftovers(join(directory, name)));
  expect(error).toMatchObject({ code: 'NOT_FOUND', endpoint: join(directory, name) });
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
  const found = await removeLeftovers(directory).finally(recoverDescriptors);
  const reason = expect.stringMatching(/^EMFILE: (?!.*self)/) as string;
  expect(found).toMatchObject([{ path: place, kind: 'directory', owner, reason, isRemoved: false }]);
  expect(await readdir(place)).toEqual(['other']);
});

it.each([
  { what: 'a private directory', leave: 2, left: '' },
  { what: 'the directory of a host', leave: 3, left: nameOfGone('host') },
])('$what that cannot be read is removed if it is empty', async ({ leave, left }) => {
  await mkdir(join(await makeOwn(privateName), left), { recursive: true });
  onTestFinished(recoverDescriptors);
  exhaustDescriptors({ leave });
  const found = await removeLeftovers(directory).finally(recoverDescriptors);
  expect(found.filter(({ owner, isRemoved }) => owner !== 'gone' || !isRemoved)).toEqual([]);
  expect(await readdir(directory)).toEqual([]);
});

it('on Windows, which has no such sockets, is UNSUPPORTED', async () => {
  const { platform } = process;
  Object.defineProperty(process, 'platform', { value: 'win32' });
  const error = await rejectionOf(findLeftovers(directory)).finally(() => {
    Object.defineProperty(process, 'platform', { value: platform });
  });
  expect(error).toMatchObject({ code: 'UNSUPPORTED', hint: expect.stringContaining('no leftovers') as string });
});

it('a directory that is no string is INVALID_ARGUMENT', async () => {
  expect((await rejectionOf(findLeftovers(42 as never))).code).toBe('INVALID_ARGUMENT');
});
