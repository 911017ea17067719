import { createHook } from 'node:async_hooks';
import { getEventListeners, once } from 'node:events';
import fs, { mkdirSync, watch, writeFileSync } from 'node:fs';
import { mkdir, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { freshDirectory, settlesWithin, until } from '@rpcplugin/test-support';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { FileWatch } from '../src/file-watch.js';
import { watches } from './support.js';

const LONG_MS = 60_000;
const never = new AbortController().signal;

/** Starts to wait for a change of a file; without `fs.watch` for the first `unwatchedMs`. */
function waiting(path: string, unwatchedMs: number, ms = LONG_MS): { file: FileWatch; changed: Promise<void> } {
  const file = new FileWatch(path, unwatchedMs);
  onTestFinished(() => {
    file.close();
  });
  return { file, changed: file.change(file.state(), ms, never) };
}

describe.each([
  { how: 'without fs.watch', unwatchedMs: LONG_MS },
  { how: 'with fs.watch', unwatchedMs: 0 },
])('FileWatch $how', ({ unwatchedMs }) => {
  it('notices a new file', async () => {
    const path = join(await freshDirectory(), 'file');
    const { changed } = waiting(path, unwatchedMs);
    await writeFile(path, '');
    await changed;
  });

  it('notices a new file in directories that appear one after another', async () => {
    const directory = await freshDirectory();
    const { changed } = waiting(join(directory, 'a/b/file'), unwatchedMs);
    for (const path of ['a', 'a/b']) {
      await mkdir(join(directory, path));
      await new Promise(setImmediate);
    }
    await writeFile(join(directory, 'a/b/file'), '');
    await changed;
  });

  it('notices that another file replaces it', async () => {
    const directory = await freshDirectory();
    await writeFile(join(directory, 'file'), '');
    await writeFile(join(directory, 'other'), '');
    const { changed } = waiting(join(directory, 'file'), unwatchedMs);
    await rename(join(directory, 'other'), join(directory, 'file'));
    await changed;
  });

  it('notices a new file in a directory that was removed and created again', async () => {
    const directory = await freshDirectory();
    await mkdir(join(directory, 'a'));
    const { changed } = waiting(join(directory, 'a/file'), unwatchedMs);
    await new Promise(setImmediate);
    await rm(join(directory, 'a'), { recursive: true });
    await mkdir(join(directory, 'a'));
    await writeFile(join(directory, 'a/file'), '');
    await changed;
  });

  it('notices that the target of a symbolic link appears', async () => {
    const [directory, elsewhere] = [await freshDirectory(), await freshDirectory()];
    await symlink(join(elsewhere, 'file'), join(directory, 'file'));
    const { changed } = waiting(join(directory, 'file'), unwatchedMs);
    await writeFile(join(elsewhere, 'file'), '');
    await changed;
  });

  it('notices that a file replaces a symbolic link to itself, which cannot be inspected', async () => {
    const directory = await freshDirectory();
    await symlink('file', join(directory, 'file'));
    await writeFile(join(directory, 'other'), '');
    const { file, changed } = waiting(join(directory, 'file'), unwatchedMs);
    expect({ state: file.state(), ageMs: file.ageMs() }).toEqual({ state: '', ageMs: Infinity });
    await rename(join(directory, 'other'), join(directory, 'file'));
    await changed;
  });

  it('notices a file that appeared before the wait', async () => {
    const path = join(await freshDirectory(), 'file');
    const file = new FileWatch(path, unwatchedMs);
    const state = file.state();
    await writeFile(path, '');
    await file.change(state, LONG_MS, never);
  });
});

it('FileWatch notices a watched file by the event, not at the next check', async () => {
  const directory = await freshDirectory();
  for (let round = 0; round < 9; round++) {
    const path = join(directory, `${round}`);
    const { changed } = waiting(path, 0);
    // By then it has checked again and relies on the watch.
    for (const end = performance.now() + 5; performance.now() < end;) await new Promise(setImmediate);
    writeFileSync(path, '');
    // A watched file is looked at every 100 ms.
    expect(await settlesWithin(50, changed)).toBe(true);
  }
});

it('FileWatch.ageMs is the time since the last change, or Infinity for a missing file', async () => {
  const path = join(await freshDirectory(), 'file');
  const file = new FileWatch(path);
  expect(file.ageMs()).toBe(Infinity);
  await writeFile(path, '');
  // The clock of a file system is up to a tick behind, and `Date.now` is rounded down.
  expect(file.ageMs()).toBeGreaterThan(-20);
  expect(file.ageMs()).toBeLessThan(30_000);
});

// While the event loop reads inotify(7) events, it removes no watch: that of a FileWatch goes a little later.
describe.runIf(process.platform === 'linux')('the fs.watch of a FileWatch', () => {
  beforeEach(() => until(() => watches().length === 0));

  it('starts after unwatchedMs, does not keep the process alive, and ends with the FileWatch', async () => {
    const path = join(await freshDirectory(), 'file');
    const before = watches();
    const soon = waiting(path, LONG_MS);
    expect(watches()).toEqual(before);
    const late = waiting(path, 0);
    expect(watches()).toHaveLength(before.length + 1);
    expect(process.getActiveResourcesInfo().filter((name) => name.startsWith('FSEvent'))).toEqual([]);
    await writeFile(path, '');
    await Promise.all([soon.changed, late.changed]);
    late.file.close();
    await until(() => watches().length === before.length);
  });

  it('does not restart for other files in the directory', async () => {
    const [directory, elsewhere] = [await freshDirectory(), await freshDirectory()];
    const { changed } = waiting(join(directory, 'file'), 0);
    const last = watch(elsewhere);
    onTestFinished(() => {
      last.close();
    });
    let begun = 0;
    const hook = createHook({ init: (_, type) => (type === 'FSEVENTWRAP' ? begun++ : undefined) }).enable();
    for (const name of ['other', 'another']) writeFileSync(join(directory, name), '');
    // Events arrive in the order of the changes.
    writeFileSync(join(elsewhere, 'last'), '');
    await once(last, 'change');
    hook.disable();
    expect(begun).toBe(0);
    await writeFile(join(directory, 'file'), '');
    await changed;
  });

  it('may report a change between two waits', async () => {
    const [directory, elsewhere] = [await freshDirectory(), await freshDirectory()];
    const { file, changed } = waiting(join(directory, 'file'), 0, 20);
    await changed;
    const state = file.state();
    const last = watch(elsewhere);
    onTestFinished(() => {
      last.close();
    });
    writeFileSync(join(directory, 'file'), '');
    writeFileSync(join(elsewhere, 'last'), '');
    await once(last, 'change');
    await file.change(state, LONG_MS, never);
  });

  it('moves to the parent while the directory is missing, and back, and leaves no watch', async () => {
    const above = await freshDirectory();
    const directory = join(above, 'a/b');
    const before = watches();
    const { file, changed } = waiting(join(directory, 'file'), 0);
    const watched = (): number[] =>
      watches()
        .slice(before.length)
        .map(({ inode }) => inode);
    const inode = async (path: string): Promise<number> => (await stat(path)).ino;
    expect(watched()).toEqual([await inode(above)]);
    await mkdir(directory, { recursive: true });
    const made = await inode(directory);
    await vi.waitUntil(() => watched().join() === `${made}`, { timeout: 10_000 });
    await rm(join(above, 'a'), { recursive: true });
    const left = await inode(above);
    await vi.waitUntil(() => watched().join() === `${left}`, { timeout: 10_000 });
    await mkdir(directory, { recursive: true });
    await writeFile(join(directory, 'file'), '');
    await changed;
    file.close();
    await until(() => watches().length === before.length);
  });

  it('moves to a directory that is created just before the watch of its parent begins', async () => {
    const above = await freshDirectory();
    const directory = join(above, 'a');
    const original = fs.watch;
    const restore = (): void => {
      fs.watch = original;
      syncBuiltinESMExports();
    };
    onTestFinished(restore);
    fs.watch = ((...args: Parameters<typeof watch>) => {
      if (args[0] === above) mkdirSync(directory);
      return original(...args);
    }) as typeof watch;
    syncBuiltinESMExports();
    const { file, changed } = waiting(join(directory, 'file'), 0);
    restore();
    const { ino } = await stat(directory);
    await until(() => watches().some(({ inode }) => inode === ino));
    await writeFile(join(directory, 'file'), '');
    await changed;
    file.close();
  });
});

it('FileWatch.change resolves when the time is over or the signal aborts', async () => {
  const file = new FileWatch(join(await freshDirectory(), 'file'));
  const begun = performance.now();
  await file.change(file.state(), 20, never);
  expect(performance.now() - begun).toBeGreaterThanOrEqual(20);
  const controller = new AbortController();
  const changed = file.change(file.state(), LONG_MS, controller.signal);
  controller.abort();
  await changed;
  expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
});
