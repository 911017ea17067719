import { execFile } from 'node:child_process';
import { chown, copyFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { entriesOf, freshDirectory, isRoot } from '@rpcplugin/test-support';
import { expect, it } from 'vitest';
import { describeInterop } from '../src/describe-interop.js';
import { bundlePlugin } from '../src/bundle-plugin.js';
import { GoHost, goPeer, useGoPeer } from '../src/go-peer.js';
import { peers } from '../src/peers.js';

useGoPeer();
const plugin = bundlePlugin();

// Unused IDs, which need no entry in /etc/passwd or /etc/group.
const HOST_USER = 45_001;
const PLUGIN_USER = 45_002;
const OTHER_USER = 45_003;
const SOCKET_GROUP = 45_100;

/** The command that runs a copy of the Go program as this user, with only this group. */
async function goAs(user: number, group: number, ...capabilities: string[]): Promise<string[]> {
  const program = join(await freshDirectory(0o755), 'go');
  await copyFile(goPeer, program);
  const kept =
    capabilities.length === 0
      ? []
      : ['--inh-caps', '--ambient-caps'].map((name) => `${name}=${capabilities.join(',')}`);
  return ['setpriv', `--reuid=${user}`, `--regid=${group}`, '--clear-groups', ...kept, program];
}

/** Owner, group and mode of a file. */
async function accessOf(path: string): Promise<{ owner: number; group: number; mode: string }> {
  const { uid, gid, mode } = await stat(path);
  return { owner: uid, group: gid, mode: (mode & 0o777).toString(8) };
}

/** What the Go program prints when it dials a unix socket as another user. */
async function dialAs(user: number, group: number, path: string): Promise<string> {
  const [command, ...args] = [...(await goAs(user, group)), 'dial', 'unix', path];
  return (await promisify(execFile)(command, args, { timeout: 10_000 })).stdout;
}

// Debian's go-plugin predates socket directories. Our Go host makes one as newer versions do.
const over = 'unix, group-owned socket directory';
describeInterop({ peer: peers.goPlugin, role: 'host of a TypeScript plugin', over }, () => {
  it.skipIf(!isRoot)('reaches a plugin of another user through a shared group, and removes the directory', async () => {
    const temporary = await freshDirectory(0o711);
    await chown(temporary, HOST_USER, HOST_USER);
    const host = new GoHost(plugin, {
      // Root could access everything. These capabilities let the host only start and kill another user's process.
      program: await goAs(HOST_USER, SOCKET_GROUP, '+setuid', '+setgid', '+kill'),
      flags: [`-user=${PLUGIN_USER}`, `-socket-group=${SOCKET_GROUP}`],
      env: { TMPDIR: temporary },
    });
    expect(await host.ask('put hello world')).toBe('ok');
    expect(await host.ask('get hello')).toBe('world');
    const [pid, network, path = ''] = (await host.ask('address')).split(' ');
    expect(network).toBe('unix');
    expect((await stat(`/proc/${pid}`)).uid).toBe(PLUGIN_USER);
    expect(dirname(dirname(path))).toBe(temporary);
    expect(await accessOf(dirname(path))).toEqual({ owner: HOST_USER, group: SOCKET_GROUP, mode: '770' });
    expect(await accessOf(path)).toEqual({ owner: PLUGIN_USER, group: SOCKET_GROUP, mode: '660' });
    expect(await dialAs(OTHER_USER, OTHER_USER, path)).toMatch(/^error: .*permission denied/);

    expect(await host.ask('kill')).toBe('killed, exit code 0');
    expect(host.log).not.toMatch(/failed to exit gracefully|WARN|ERROR/);
    expect(await entriesOf(dirname(path))).toEqual([]);
    await host.end();
    expect(await entriesOf(temporary)).toEqual([]);
  });
});
