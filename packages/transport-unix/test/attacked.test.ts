import { lstatSync, readdirSync } from 'node:fs';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freshDirectory, isRoot, otherUser, staleSocketAt, startControlled } from '@rpcplugin/test-support';
import { TransportError } from '@rpcplugin/transport-core';
import { expect, it } from 'vitest';
import { bundleChild } from './bundle.js';
import { transport } from './support.js';

/** A program of another user that swaps the entries of a directory and reports how many it swapped. */
const attacker = await bundleChild('attacker');

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
  async ({ entry, parents }) => {
    const protectedDirectory = await makeProtectedDirectory(await freshDirectory());
    const shared = await freshDirectory();
    await mkdir(join(shared, 'private'), { mode: 0o700 });
    await writeFile(join(shared, 'private/secret'), 'secret', { mode: 0o600 });
    await chmod(shared, 0o777);
    const before = inventory(protectedDirectory);
    const command = [process.execPath, attacker, shared, protectedDirectory, entry] as const;
    const attacking = await startControlled<'stop', number>(command, otherUser);
    const path = join(shared, parents, 'p.sock');
    const outcomes = [];
    for (let i = 0; i < 300; i++) {
      const victim = transport({ path, mode: 0o666, group: otherUser.gid });
      outcomes.push(await victim.listen().catch((error: unknown) => error));
      outcomes.push(await victim.close({ graceMs: 0 }).catch((error: unknown) => error));
    }
    expect(await attacking.ask('stop')).toBeGreaterThan(10);
    expect(inventory(protectedDirectory)).toEqual(before);
    const succeeded = new Set<unknown>([undefined, `unix:${path}`]);
    expect(outcomes.filter((outcome) => !succeeded.has(outcome) && !TransportError.isInstance(outcome))).toEqual([]);
  },
);
