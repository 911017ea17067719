import { once } from 'node:events';
import { mkdirSync, readdirSync, renameSync, rmdirSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { basename, join } from 'node:path';
import { entriesOf, freshDirectory, rejectionOf, staleSocketAt } from '@rpcplugin/test-support';
import { Cleanup, Operation } from '@rpcplugin/transport-base';
import { expect, it, onTestFinished } from 'vitest';
import { HeldDirectory } from '../src/held-directory.js';
import { publishSocket } from '../src/socket-file.js';
import { plainServer, saysHello } from './support.js';

/** Publishes a socket at a path and runs `meanwhile` right after the bind. */
async function publish(path: string, meanwhile: () => unknown): Promise<void> {
  const server = createServer((socket) => socket.end('hello'));
  const directory = HeldDirectory.open(join(path, '..'));
  const cleanup = new Cleanup();
  onTestFinished(async () => {
    server.close();
    await cleanup.run();
    directory.close();
  });
  const listenAt = async (address: string): Promise<void> => {
    server.listen({ path: address, exclusive: true });
    await once(server, 'listening');
    await meanwhile();
  };
  const operation = new Operation('test');
  await publishSocket(path, { directory, listenAt, mode: 0o600, gid: undefined, cleanup, isLocked: true, operation });
}

/** The path of the staging directory in a directory. */
function stagingIn(directory: string): string {
  return join(directory, readdirSync(directory).find((name) => name.startsWith('.rpcplugin-')) ?? '');
}

it('rejects with ADDRESS_IN_USE and keeps a file that appears at the path meanwhile', async () => {
  const directory = await freshDirectory();
  const path = join(directory, 'p.sock');
  const error = await rejectionOf(
    publish(path, () => {
      writeFileSync(path, 'content');
    }),
  );
  expect(error).toMatchObject({
    code: 'ADDRESS_IN_USE',
    message: expect.stringContaining(path) as string,
    hint: expect.stringContaining('another path') as string,
    cause: { code: 'EEXIST' },
  });
  expect(await readFile(path, 'utf8')).toBe('content');
  expect(await readdir(directory)).toEqual(['p.sock']);
});

it('rejects with ADDRESS_IN_USE and keeps a live socket that replaces a stale one meanwhile', async () => {
  const path = join(await freshDirectory(), 'p.sock');
  await staleSocketAt(path);
  const publishing = publish(path, async () => {
    unlinkSync(path);
    await plainServer(path);
  });
  expect((await rejectionOf(publishing)).code).toBe('ADDRESS_IN_USE');
  expect(await saysHello(path)).toBe(true);
});

it('reports ENOENT if the directory is removed meanwhile', async () => {
  const [above, elsewhere] = [await freshDirectory(), await freshDirectory()];
  const directory = join(above, 'd');
  mkdirSync(directory);
  const publishing = publish(join(directory, 'p.sock'), () => {
    renameSync(stagingIn(directory), join(elsewhere, 'd'));
    rmdirSync(directory);
  });
  await expect(publishing).rejects.toMatchObject({ code: 'ENOENT', syscall: 'link' });
});

it('reports the error of the bind rather than a later one', async () => {
  const reason = new Error('bind failed');
  const directory = await freshDirectory();
  const publishing = publish(join(directory, 'p.sock'), () => {
    rmSync(stagingIn(directory), { recursive: true });
    throw reason;
  });
  await expect(publishing).rejects.toBe(reason);
  expect(await readdir(directory)).toEqual([]);
});

it.each([
  {
    what: 'a file',
    put: (name: string) => {
      writeFileSync(name, '');
    },
    stays: ['put'],
  },
  {
    what: 'a non-empty directory',
    put: (name: string) => {
      mkdirSync(join(name, 'a'), { recursive: true });
    },
    stays: ['put', 'put/a'],
  },
  { what: 'nothing', put: () => undefined, stays: [] },
])('removes no other file with $what in place of the staging directory', async ({ put, stays }) => {
  const directory = await freshDirectory();
  const path = join(directory, 'p.sock');
  let name = '';
  await publish(path, () => {
    name = stagingIn(directory);
    renameSync(name, join(directory, 'moved'));
    put(name);
  });
  expect(await saysHello(path)).toBe(true);
  const entries = (await entriesOf(directory)).map((entry) => entry.replace(basename(name), 'put'));
  expect(entries.sort()).toEqual(['moved', 'p.sock', ...stays]);
});
