import { lstatSync, unlinkSync } from 'node:fs';
import type { Dirent } from 'node:fs';
import { link, mkdir, readdir, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { descriptorTargets, freshDirectory, plainListener, staleSocketAt, turns } from '@rpcplugin/test-support';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { Directory } from '../src/directory.js';
import { ownedName } from '../src/owner.js';
import { removeLeftover, startSweep, warnOfUnknown } from '../src/sweep.js';
import { nameOfGone, nameOfUnknown } from './support.js';

let path: string;
let directory: Directory;

beforeEach(async () => {
  path = await freshDirectory();
  directory = Directory.open(path);
  onTestFinished(() => {
    directory.close();
  });
});

/** How many descriptors of directories of the test are open. */
function descriptors(): number {
  return descriptorTargets().filter((target) => target.startsWith(path)).length;
}

describe('a sweep', () => {
  /** Creates this many files, without waiting. */
  async function fill(count: number): Promise<void> {
    await Promise.all(Array.from({ length: count }, (_, i) => writeFile(join(path, `${i}`), '')));
  }

  /** Sweeps, and resolves with the number of entries whose use is unknown. */
  async function swept(visit: Parameters<typeof startSweep>[1], of = directory): Promise<number | undefined> {
    const onEnd = vi.fn<(unknown: number) => void>();
    startSweep(of, visit, onEnd);
    // A sweep goes on in turns that something else begins.
    while (onEnd.mock.calls.length === 0) await turns(1);
    return onEnd.mock.calls[0]?.[0];
  }

  it('looks at twenty entries in each turn of the event loop, from the next one on', async () => {
    await fill(50);
    let visited = 0;
    const onEnd = vi.fn();
    const visit = (): Promise<boolean> => Promise.resolve(++visited > 0);
    startSweep(directory, visit, onEnd);
    const counts = [visited];
    while (onEnd.mock.calls.length === 0) {
      await turns(1);
      counts.push(visited);
    }
    expect([...new Set(counts)]).toEqual([0, 20, 40, 50]);
    expect(onEnd.mock.calls).toEqual([[0]]);
  });

  it('ends after a thousand entries, with the number of those whose use is unknown', async () => {
    await fill(1010);
    let visited = 0;
    // One of three is unknown; one of three cannot be looked at, which the next sweep tries again.
    const visit = (): Promise<boolean> => {
      const kind = ++visited % 3;
      return kind === 0 ? Promise.reject(new Error('of the test')) : Promise.resolve(kind === 1);
    };
    expect(await swept(visit)).toBe(333);
    expect(visited).toBe(1000);
  });

  it('that is cancelled looks at no further entry, and ends once', async () => {
    await fill(50);
    let visited = 0;
    const onEnd = vi.fn();
    const cancel = startSweep(
      directory,
      () => {
        if (++visited === 5) cancel();
        return Promise.resolve(false);
      },
      onEnd,
    );
    await turns(20);
    expect(visited).toBe(5);
    expect(onEnd).toHaveBeenCalledOnce();
    cancel();
    expect(onEnd).toHaveBeenCalledOnce();
  });

  it('that is cancelled before it starts opens nothing', async () => {
    await fill(1);
    const before = descriptors();
    const [visit, onEnd] = [vi.fn(), vi.fn()];
    startSweep(directory, visit, onEnd)();
    expect(onEnd.mock.calls).toEqual([[0]]);
    await turns(5);
    expect(visit).not.toHaveBeenCalled();
    expect(descriptors()).toBe(before);
  });

  it('goes on in the same directory when its caller closes its own, and leaves no descriptor open', async () => {
    const held = Directory.open(path);
    const before = descriptors();
    await fill(30);
    const seen: string[] = [];
    const visit = (each: Directory, { name }: { name: string }): Promise<boolean> => {
      held.close();
      expect(each.stats.ino).toBe(directory.stats.ino);
      return Promise.resolve(seen.push(name) > 0);
    };
    await swept(visit, held);
    expect(seen).toHaveLength(30);
    // Without the one that the caller closed.
    expect(descriptors()).toBe(before - 1);
  });

  it('ends without a visit in a directory that was removed', async () => {
    await mkdir(join(path, 'removed'));
    const removed = directory.openChild('removed');
    expect(directory.release(removed)).toBe(true);
    const visit = vi.fn();
    expect(await swept(visit, removed)).toBe(0);
    expect(visit).not.toHaveBeenCalled();
  });
});

it('a warning of unknown leftovers is given only if there are any', () => {
  const warn = vi.fn();
  warnOfUnknown(directory, 0, warn);
  expect(warn).not.toHaveBeenCalled();
  warnOfUnknown(directory, 2, warn);
  expect(warn.mock.calls).toEqual([[expect.stringMatching(`^files in ${path} were left, .*: 2$`)]]);
});

describe('removeLeftover', () => {
  async function entryOf(name: string): Promise<Dirent> {
    const entry = (await readdir(path, { withFileTypes: true })).find((each) => each.name === name);
    if (entry === undefined) throw new Error(`${name} does not exist`);
    return entry;
  }

  /** Calls it for an entry; whether it can know, and what is left. */
  async function outcome(name: string): Promise<{ isKnown: boolean; left: string[] }> {
    const isKnown = await removeLeftover(directory, await entryOf(name));
    return { isKnown, left: (await readdir(path)).sort() };
  }

  const at = (name: string): string => join(path, name);

  it.each(['new', 'plugin', 'old', 'beacon'])('removes a stale socket of a dead owner called %s-…', async (kind) => {
    const name = nameOfGone(kind);
    await staleSocketAt(at(name));
    expect(await outcome(name)).toEqual({ isKnown: true, left: [] });
  });

  it('removes a socket of a dead owner that cannot have one, even if it accepts connections', async () => {
    const name = nameOfGone('new');
    await plainListener({ path: at(name) });
    expect(await outcome(name)).toEqual({ isKnown: true, left: [] });
  });

  it.each([
    { what: 'of a live owner', name: ownedName('new') },
    { what: 'without an owner in its name', name: 'p.sock' },
    { what: 'of go-plugin', name: 'plugin1234567890' },
  ])('knows to leave a socket $what', async ({ name }) => {
    await staleSocketAt(at(name));
    expect(await outcome(name)).toEqual({ isKnown: true, left: [name] });
  });

  it.each(['new', 'old', 'plugin', 'host'])('cannot know about a socket of an unknown owner: %s-…', async (kind) => {
    const name = nameOfUnknown(kind);
    await staleSocketAt(at(name));
    expect(await outcome(name)).toEqual({ isKnown: false, left: [name] });
  });

  it.each(['plugin', 'host'])('leaves a %s of an unknown owner to its beacon', async (kind) => {
    const name = nameOfUnknown(kind);
    const beacon = name.replace(kind, 'beacon');
    await staleSocketAt(at(name));
    await staleSocketAt(at(beacon));
    expect(await outcome(name)).toEqual({ isKnown: true, left: [beacon, name].sort() });
    const entry = await entryOf(name);
    expect(await outcome(beacon)).toEqual({ isKnown: true, left: [] });
    // A sweep that lists the beacon first finds this one then.
    expect(await removeLeftover(directory, entry)).toBe(true);
  });

  it('leaves a beacon if it is for a file that is no socket', async () => {
    const name = nameOfUnknown('plugin');
    const beacon = name.replace('plugin', 'beacon');
    await writeFile(at(name), '');
    await staleSocketAt(at(beacon));
    expect(await outcome(beacon)).toEqual({ isKnown: true, left: [beacon, name] });
  });

  it('leaves a beacon that accepts connections, and what it is for', async () => {
    const name = nameOfUnknown('plugin');
    const beacon = name.replace('plugin', 'beacon');
    await staleSocketAt(at(name));
    await plainListener({ path: at(beacon) });
    expect(await outcome(beacon)).toEqual({ isKnown: true, left: [beacon, name] });
  });

  it('removes a beacon after the directory of its host, and only if that is gone', async () => {
    const name = nameOfUnknown('host');
    const beacon = name.replace('host', 'beacon');
    await mkdir(at(name));
    await writeFile(join(at(name), 'file'), '');
    for (const each of [join(name, 'plugin1'), beacon]) await staleSocketAt(at(each));
    expect(await outcome(beacon)).toEqual({ isKnown: true, left: [beacon, name] });
    expect(await readdir(at(name))).toEqual(['file']);
  });

  it.each(['plugin', 'new'])('leaves a directory called %s-…, whose name no directory of ours has', async (kind) => {
    const name = nameOfGone(kind);
    await mkdir(at(name));
    expect(await outcome(name)).toEqual({ isKnown: true, left: [name] });
  });

  it('leaves a file of a dead owner that is no socket', async () => {
    const name = nameOfGone('host');
    await writeFile(at(name), '');
    expect(await outcome(name)).toEqual({ isKnown: true, left: [name] });
  });

  it('removes the lock of a dead owner, and leaves other locks', async () => {
    const locks = { 'lock:a': nameOfGone('lock'), 'lock:b': ownedName('lock'), 'lock:c': nameOfUnknown('lock') };
    for (const [name, target] of Object.entries(locks)) await symlink(target, at(name));
    for (const name of Object.keys(locks)) expect((await outcome(name)).isKnown).toBe(true);
    expect((await readdir(path)).sort()).toEqual(['lock:b', 'lock:c']);
  });

  it.each([
    { what: 'with another name', name: 'link', target: nameOfGone('lock') },
    { what: 'with another target', name: 'lock:a', target: 'plugin-1.2.3' },
    { what: 'with the target of another kind', name: 'lock:a', target: nameOfGone('new') },
    { what: 'to a path', name: 'lock:a', target: `/tmp/${nameOfGone('lock')}` },
    { what: 'to a file of a lock', name: 'lock:a', target: `${nameOfGone('lock')}.bak` },
  ])('leaves a symbolic link $what, which is no lock', async ({ name, target }) => {
    await symlink(target, at(name));
    onTestFinished(() => void vi.useRealTimers());
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 3_600_000 });
    expect(await outcome(name)).toEqual({ isKnown: true, left: [name] });
  });

  it('removes the lock of an unknown owner after a minute', async () => {
    await symlink(nameOfUnknown('lock'), at('lock:a'));
    const createdMs = Number(lstatSync(at('lock:a'), { bigint: true }).ctimeNs) / 1e6;
    onTestFinished(() => void vi.useRealTimers());
    vi.useFakeTimers({ toFake: ['Date'], now: Math.floor(createdMs) + 60_000 });
    expect((await outcome('lock:a')).left).toEqual(['lock:a']);
    vi.setSystemTime(Math.ceil(createdMs) + 60_001);
    expect((await outcome('lock:a')).left).toEqual([]);
  });

  describe('in the directory of a dead host', () => {
    let host: string;

    beforeEach(async () => {
      host = nameOfGone('host');
      await mkdir(at(host));
    });

    /** Moves a socket there. The kernel knows it by its first name, as in another network namespace. */
    const move = (name: string): Promise<void> => rename(at('s'), join(at(host), name));

    const leftIn = async (): Promise<string[]> => {
      await outcome(host);
      return readdir(at(host)).catch(() => ['gone']);
    };

    it.each([nameOfGone('plugin'), nameOfUnknown('plugin'), 'plugin1234567890'])(
      'removes a stale socket called %s, and the directory',
      async (name) => {
        await staleSocketAt(at('s'));
        await move(name);
        expect(await leftIn()).toEqual(['gone']);
      },
    );

    it.each([nameOfUnknown('plugin'), 'plugin1234567890'])('leaves a socket called %s that accepts', async (name) => {
      await plainListener({ path: at('s') });
      await move(name);
      expect(await leftIn()).toEqual([name]);
    });

    it('leaves a socket of a live owner', async () => {
      const name = ownedName('plugin');
      await staleSocketAt(at('s'));
      await move(name);
      expect(await leftIn()).toEqual([name]);
    });

    it('leaves a file whose name is that of a socket of a dead owner', async () => {
      const name = nameOfGone('plugin');
      await writeFile(join(at(host), name), '');
      expect(await leftIn()).toEqual([name]);
    });

    it('goes on if another process removes the sockets meanwhile', async () => {
      const paths = ['plugin1', 'plugin2'].map((name) => join(at(host), name));
      for (const each of paths) {
        await staleSocketAt(at('s'));
        await rename(at('s'), each);
      }
      // It probes one of them, and has read the name of the other.
      const sweeping = removeLeftover(directory, await entryOf(host));
      paths.forEach(unlinkSync);
      expect(await sweeping).toBe(true);
      expect(await readdir(path)).toEqual([]);
    });

    it('does not connect to a socket that the kernel knows', async () => {
      const accept = vi.fn();
      const name = 'plugin1234567890';
      await plainListener({ path: join(at(host), name) }, accept);
      expect(await leftIn()).toEqual([name]);
      await turns(5);
      expect(accept).not.toHaveBeenCalled();
    });

    it('looks at twenty entries', async () => {
      await staleSocketAt(at('s'));
      for (let i = 0; i < 21; i++) await link(at('s'), join(at(host), `plugin${i}`));
      const before = descriptors();
      expect(await leftIn()).toHaveLength(1);
      expect(await leftIn()).toEqual(['gone']);
      expect(descriptors()).toBe(before);
    });
  });
});
