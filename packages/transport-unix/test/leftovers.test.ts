import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { freshDirectory, onDiagnostic, pathOf, staleSocketAt, until } from '@rpcplugin/test-support';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { UnixSocketTransport } from '../src/index.js';
import { ownedName } from '../src/owner.js';
import { bundleChild } from './bundle.js';
import { startProcess, startThread } from './racers.js';
import { nameOfGone, nameOfUnknown, openResources, stagingName, startChild, transport } from './support.js';

const racer = bundleChild('racer');

/** Fills a directory of this user with files that no sweep may remove, and returns their names. */
async function fillWithOthers(directory: string): Promise<string[]> {
  const sockets = [
    ownedName('plugin'),
    nameOfUnknown('new'),
    'plugin-abcdefghijkl',
    'p.sock',
    nameOfGone('x').slice(2),
  ];
  for (const name of sockets) await staleSocketAt(join(directory, name));
  const [file, link, empty] = [nameOfGone('file'), nameOfGone('link'), nameOfGone('directory')];
  await writeFile(join(directory, file), '');
  await symlink(file, join(directory, link));
  await mkdir(join(directory, empty));
  return [...sockets, file, link, empty].sort();
}

function warningsOf(listener: UnixSocketTransport): string[] {
  const warnings: string[] = [];
  onDiagnostic('warning', listener, ({ what }) => warnings.push(what));
  return warnings;
}

async function sorted(directory: string): Promise<string[]> {
  return (await readdir(directory)).sort();
}

describe('leftovers in a staging directory', () => {
  let directory: string;
  let staging: string;

  beforeEach(async () => {
    directory = await freshDirectory();
    staging = join(directory, stagingName);
    await mkdir(staging, { mode: 0o700 });
  });

  it('are removed with the directory soon after the next listen', async () => {
    for (const kind of ['new', 'old']) await staleSocketAt(join(staging, nameOfGone(kind)));
    const before = openResources();
    const listener = transport({ path: join(directory, 'p.sock') });
    await listener.listen();
    await until(async () => String(await readdir(directory)) === 'p.sock', { timeoutMs: 10_000 });
    await listener.close();
    expect(await readdir(directory)).toEqual([]);
    await until(() => openResources() <= before, { timeoutMs: 2000 });
  });

  it('stay if their owner is alive or unknown, or if they are not sockets', async () => {
    const others = await fillWithOthers(staging);
    const left = nameOfGone('new');
    await staleSocketAt(join(staging, left));
    const listener = transport({ path: join(directory, 'p.sock') });
    const warnings = warningsOf(listener);
    await listener.listen();
    await until(() => warnings.length > 0);
    expect(await sorted(staging)).toEqual(others);
    expect(warnings).toEqual([expect.stringMatching(`^files in ${staging} were left, .*: 1$`)]);
  });

  it('stay if the listener closes before the sweep, and leave no descriptor open', async () => {
    const left = nameOfGone('new');
    await staleSocketAt(join(staging, left));
    const before = openResources();
    const listener = transport({ path: join(directory, 'p.sock') });
    // The sweep begins in the next turn of the event loop.
    await listener.listen().then(() => listener.close());
    expect(await readdir(staging)).toEqual([left]);
    await until(() => openResources() <= before, { timeoutMs: 2000 });
  });
});

describe('leftovers in a private directory', () => {
  let runtimeDirectory: string;
  let privateDirectory: string;

  beforeEach(async () => {
    runtimeDirectory = await freshDirectory();
    privateDirectory = join(runtimeDirectory, `rpcplugin-${process.getuid?.()}`);
    vi.stubEnv('XDG_RUNTIME_DIR', runtimeDirectory);
    vi.stubEnv('TMPDIR', runtimeDirectory);
    return () => vi.unstubAllEnvs();
  });

  it.each([
    { of: 'killed process', start: startProcess },
    { of: 'terminated worker thread', start: startThread },
  ])('of a $of are removed soon after the next listen', async ({ start }) => {
    const killed = await start(racer);
    const left = pathOf(await killed.ask({ listen: {} }));
    await killed.kill();
    // The system removes the socket of a thread, but not its directory.
    expect(await readdir(runtimeDirectory)).toHaveLength(1);
    const before = openResources();
    const listener = transport();
    const path = pathOf(await listener.listen());
    expect(dirname(path)).toBe(dirname(left));
    await until(async () => String(await readdir(privateDirectory)) === path.slice(privateDirectory.length + 1));
    await listener.close();
    expect(await readdir(runtimeDirectory)).toEqual([]);
    await until(() => openResources() <= before, { timeoutMs: 2000 });
  });

  it('are told from the sockets of live processes and threads without connecting to them', async () => {
    const accepted: unknown[] = [];
    const endpoint = await transport().listen({ onConnection: (socket) => void accepted.push(socket) });
    const endpoints = [endpoint];
    for (const start of [startProcess, startThread]) endpoints.push(await (await start(racer)).ask({ listen: {} }));
    const left = nameOfGone('plugin');
    await staleSocketAt(join(privateDirectory, left));
    const child = await startChild();
    await child.ask({ do: 'listen' });
    await until(async () => !(await readdir(privateDirectory)).includes(left));
    expect(accepted).toEqual([]);
    for (const each of endpoints) await transport().connect(each, { waitMs: 0 });
  });

  it('stay if their owner is alive or unknown, or if they are not sockets', async () => {
    await mkdir(privateDirectory, { mode: 0o700 });
    const others = await fillWithOthers(privateDirectory);
    const left = nameOfGone('plugin');
    await staleSocketAt(join(privateDirectory, left));
    const listener = transport();
    const warnings = warningsOf(listener);
    await listener.listen();
    await until(() => warnings.length > 0);
    expect(warnings).toEqual([expect.stringMatching(`^files in ${privateDirectory} were left, .*: 1$`)]);
    await listener.close();
    expect(await sorted(privateDirectory)).toEqual(others);
  });

  it('stay in directories with similar names', async () => {
    const names = ['rpcplugin-4194305-abcdef', `rpcplugin-${process.getuid?.()}-x`, '.rpcplugin-12345678-abcdef'];
    const left = nameOfGone('plugin');
    for (const name of names) {
      await mkdir(join(runtimeDirectory, name), { mode: 0o700 });
      await staleSocketAt(join(runtimeDirectory, name, left));
    }
    await mkdir(privateDirectory, { mode: 0o700 });
    await staleSocketAt(join(privateDirectory, left));
    const listener = transport();
    await listener.listen();
    await until(async () => !(await readdir(privateDirectory)).includes(left));
    await listener.close();
    for (const name of names) expect(await readdir(join(runtimeDirectory, name))).toEqual([left]);
  });
});
