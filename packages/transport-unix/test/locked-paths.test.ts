import { mkdir, readdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { freshDirectory, onDiagnostic, rejectionOf, staleSocketAt } from '@rpcplugin/test-support';
import { beforeEach, describe, expect, it } from 'vitest';
import type { UnixSocketTransport } from '../src/index.js';
import { nameOfUnknown, plainServer, saysHello, stagingName, transport } from './support.js';

describe('a path that a process elsewhere has locked, which may have ended', () => {
  let path: string;
  let listener: UnixSocketTransport;
  let warnings: string[];

  beforeEach(async () => {
    const directory = await freshDirectory();
    const staging = join(directory, stagingName);
    await mkdir(staging, { mode: 0o700 });
    await symlink(nameOfUnknown('lock'), join(staging, 'lock:p.sock'));
    path = join(directory, 'p.sock');
    listener = transport({ path });
    warnings = [];
    onDiagnostic('warning', listener, ({ what }) => warnings.push(what));
    return async () => {
      expect(await readdir(staging)).toEqual(['lock:p.sock']);
    };
  });

  it('is listened at if its socket is stale, with a warning', async () => {
    await staleSocketAt(path);
    await listener.listen();
    expect(warnings).toEqual(['another process holds the lock of the path']);
  });

  it('is in use if its socket is live, and nothing is warned of', async () => {
    await plainServer(path);
    expect((await rejectionOf(listener.listen())).code).toBe('ADDRESS_IN_USE');
    expect(warnings).toEqual([]);
    expect(await saysHello(path)).toBe(true);
  });
});
