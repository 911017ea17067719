import { lstatSync, readdirSync } from 'node:fs';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freshDirectory, isRoot, otherUser, staleSocketAt, startControlled } from '@rpcplugin/test-support';
import { TransportError } from '@rpcplugin/transport-core';
import { expect, it } from 'vitest';
import { bundleChild } from './bundle.js';
import { transport } from './support.js';

/** Another user, who swaps the entries of a directory that it may write in, and answers how many. */
const attacker = await bundleChild('attacker');

/** A directory with what a victim must not lose: files, one with the name of the socket, and a socket that looks stale. */
async function treasureIn(directory: string): Promise<string> {
  const treasure = join(directory, 'treasure');
  await mkdir(treasure, { mode: 0o700 });
  await writeFile(join(treasure, 'secret'), 'secret', { mode: 0o600 });
  await writeFile(join(treasure, 'p.sock'), 'not a socket');
  await staleSocketAt(join(treasure, 'other.sock'));
  return treasure;
}

function inventory(directory: string): unknown[] {
  return readdirSync(directory).map((name) => {
    const { mode, gid, ino, size } = lstatSync(join(directory, name));
    return { name, mode, gid, ino, size };
  });
}

it.runIf(isRoot).each([
  { where: 'the directory of the socket', entry: '.rpcplugin-', parents: '' },
  { where: 'the directory above it', entry: 'plugins', parents: 'plugins' },
])(
  'another user who may write in $where can not turn listen or close on what is not ours',
  async ({ entry, parents }) => {
    const treasure = await treasureIn(await freshDirectory());
    const shared = await freshDirectory();
    await mkdir(join(shared, 'private'), { mode: 0o700 });
    await writeFile(join(shared, 'private/secret'), 'secret', { mode: 0o600 });
    await chmod(shared, 0o777);
    const before = inventory(treasure);
    const command = [process.execPath, attacker, shared, treasure, entry] as const;
    const attacking = await startControlled<'stop', number>(command, otherUser);
    const path = join(shared, parents, 'p.sock');
    const outcomes = [];
    for (let i = 0; i < 300; i++) {
      const victim = transport({ path, mode: 0o666, group: otherUser.gid });
      outcomes.push(await victim.listen().catch((error: unknown) => error));
      outcomes.push(await victim.close({ graceMs: 0 }).catch((error: unknown) => error));
    }
    expect(await attacking.ask('stop')).toBeGreaterThan(10);
    expect(inventory(treasure)).toEqual(before);
    const succeeded = new Set<unknown>([undefined, `unix:${path}`]);
    expect(outcomes.filter((outcome) => !succeeded.has(outcome) && !TransportError.isInstance(outcome))).toEqual([]);
  },
);
