import { createHash } from 'node:crypto';
import { existsSync, lstatSync, mkdirSync, readdirSync } from 'node:fs';
import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { freshDirectory, isRoot, otherUser, roundsOr, staleSocketAt, startControlled } from '@rpcplugin/test-support';
import type { Child, Inquiry } from '@rpcplugin/test-support';
import { TransportError } from '@rpcplugin/transport-core';
import { expect, it, vi } from 'vitest';
import { roundsBeside } from './beside.js';
import { bundleChild } from './bundle.js';
import { transport } from './support.js';

/** Programs of another user that swap the entries of a directory and report how many they swapped. */
const [attacker, linker, renamer] = ['attacker', 'linker', 'renamer'].map(bundleChild);

/** Starts one of them, with arguments. */
function startAttack(program = '', ...args: string[]): Promise<Child<Inquiry, number>> {
  return startControlled<Inquiry, number>([process.execPath, program, ...args], otherUser);
}

function hasSwappedEnough(swaps: number): boolean {
  return swaps > 10;
}

/** Creates a directory that must stay intact: a file, a file with the name of the socket, and a stale socket. */
async function makeProtectedDirectory(directory: string): Promise<string> {
  const protectedDirectory = join(directory, 'protected');
  await mkdir(protectedDirectory, { mode: 0o700 });
  await writeFile(join(protectedDirectory, 'secret'), 'secret', { mode: 0o600 });
  await writeFile(join(protectedDirectory, 'p.sock'), 'not a socket');
  await staleSocketAt(join(protectedDirectory, 'other.sock'));
  return protectedDirectory;
}

function inventory(directory: string): unknown[] {
  return readdirSync(directory).map((name) => {
    const { mode, gid, ino, size } = lstatSync(join(directory, name));
    return { name, mode, gid, ino, size };
  });
}

it.runIf(isRoot).each([
  { where: 'the directory of the socket', entry: '.rpcplugin-', parents: '' },
  { where: 'its parent directory', entry: 'plugins', parents: 'plugins' },
])(
  'another user with write access to $where cannot make listen or close change other files',
  { timeout: 60_000 + roundsOr(0) * 100 },
  async ({ entry, parents }) => {
    const protectedDirectory = await makeProtectedDirectory(await freshDirectory());
    const shared = await freshDirectory();
    await mkdir(join(shared, 'private'), { mode: 0o700 });
    await writeFile(join(shared, 'private/secret'), 'secret', { mode: 0o600 });
    await chmod(shared, 0o777);
    const before = inventory(protectedDirectory);
    const attacking = await startAttack(attacker, shared, protectedDirectory, entry);
    const path = join(shared, parents, 'p.sock');
    const outcomes: unknown[] = [];
    await roundsBeside(attacking, hasSwappedEnough, roundsOr(200), async () => {
      const victim = transport({ path, mode: 0o666, group: otherUser.gid });
      outcomes.push(await victim.listen().catch((error: unknown) => error));
      outcomes.push(await victim.close({ graceMs: 0 }).catch((error: unknown) => error));
    });
    expect(inventory(protectedDirectory)).toEqual(before);
    const succeeded = new Set<unknown>([undefined, `unix:${path}`]);
    expect(outcomes.filter((outcome) => !succeeded.has(outcome) && !TransportError.isInstance(outcome))).toEqual([]);
  },
);

it.runIf(isRoot)(
  'another user who replaces a new parent directory by a link cannot make close remove a directory of the same name',
  { timeout: 60_000 + roundsOr(0) * 100 },
  async () => {
    const protectedDirectory = join(await freshDirectory(), 'protected');
    const sameName = join(protectedDirectory, 'sub');
    mkdirSync(sameName, { recursive: true });
    const shared = await freshDirectory(0o777);
    const attacking = await startAttack(linker, shared, 'made', protectedDirectory);
    let removals = 0;
    await roundsBeside(attacking, hasSwappedEnough, roundsOr(150), async () => {
      const victim = transport({ path: join(shared, 'made/sub/p.sock') });
      await victim.listen().catch(() => undefined);
      await victim.close({ graceMs: 0 }).catch(() => undefined);
      if (existsSync(sameName)) return;
      removals++;
      mkdirSync(sameName);
    });
    expect(removals).toBe(0);
  },
);

/** Creates a directory with everything that a sweep might take for a leftover. */
async function makeTree(directory: string): Promise<void> {
  const [, place = ''] = basename(await transport().listen()).split('-');
  // Beyond the maximum process ID of Linux.
  const dead = '4194305-4194305-1-abcdefghijkl';
  await mkdir(join(directory, 'refs/heads'), { recursive: true });
  await staleSocketAt(join(directory, 'stale.sock'));
  await staleSocketAt(join(directory, 'refs/stale.sock'));
  await staleSocketAt(join(directory, `plugin-0123456789-${dead}`));
  await mkdir(join(directory, `new-${place}-${dead}`));
  await writeFile(join(directory, `old-${place}-${dead}`), 'a file');
  await symlink('refs', join(directory, `lock-${place}-${dead}`));
  await chmod(directory, 0o700);
}

it.runIf(isRoot)(
  'another user who gives a directory the name of a staging or private one cannot make listen remove anything in it',
  { timeout: 60_000 + roundsOr(0) * 100 },
  async () => {
    const shared = await freshDirectory(0o777);
    vi.stubEnv('TMPDIR', shared);
    vi.stubEnv('XDG_RUNTIME_DIR', shared);
    const own = join(shared, 'work');
    await makeTree(own);
    const treeOf = (): string[] => readdirSync(own, { recursive: true }).map(String).sort();
    const before = treeOf();
    // Today's names, and those that a search for leftovers once accepted.
    const hash = createHash('sha256').update('p.sock').digest('base64url').slice(0, 8);
    const names = ['.rpcplugin-0', `.rpcplugin-${hash}-abcdef`, 'rpcplugin-0', 'rpcplugin-999999999-abcdef'];
    const attacking = await startAttack(renamer, shared, 'work', ...names);
    await roundsBeside(attacking, hasSwappedEnough, roundsOr(60), async () => {
      for (const victim of [transport({ path: join(shared, 'p.sock') }), transport()]) {
        await victim.listen().catch(() => undefined);
        await victim.close({ graceMs: 0 }).catch(() => undefined);
      }
    });
    vi.unstubAllEnvs();
    expect(treeOf()).toEqual(before);
  },
);
