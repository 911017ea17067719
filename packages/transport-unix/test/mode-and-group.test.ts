import { existsSync } from 'node:fs';
import { chmod, chown, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join, parse } from 'node:path';
import { freshDirectory, isRoot, otherUser, pathOf, rejectionOf, until } from '@rpcplugin/test-support';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { unixOptionsFromEnv } from '../src/index.js';
import { otherGroup, startChild, transport } from './support.js';

const group = await otherGroup();
/** A process of an unprivileged user. */
const unprivileged = isRoot ? await startChild({ ...otherUser, whenOver: afterAll }) : undefined;

describe('mode', () => {
  it('is 0660 or the requested one under any umask', async () => {
    const directory = await freshDirectory();
    // The umask is per process, so a child sets it.
    const child = await startChild();
    for (const umask of [0, 0o077]) {
      for (const mode of [undefined, 0, 0o600, 0o660, 0o666, 0o777]) {
        const { endpoint } = await child.ask({
          do: 'listen',
          options: { path: join(directory, 'p.sock'), ...(mode !== undefined && { mode }) },
          umask,
        });
        expect(endpoint).toBe(`unix:${directory}/p.sock`);
        expect((await stat(join(directory, 'p.sock'))).mode & 0o7777).toBe(mode ?? 0o660);
        await child.ask({ do: 'close' });
      }
    }
    expect(await readdir(directory)).toEqual([]);
  });

  it.runIf(isRoot)('decides which users can connect', async () => {
    const directory = await freshDirectory(0o755);
    for (const mode of [0o660, 0o664, 0o600]) {
      const listener = transport({ path: join(directory, 'p.sock'), mode });
      const reply = await unprivileged?.ask({ do: 'connect', endpoint: await listener.listen() });
      expect(reply?.error).toMatchObject({ code: 'PERMISSION_DENIED', endpoint: `unix:${directory}/p.sock` });
      expect(reply?.error?.hint).toContain('mode');
      await listener.close();
    }
    const endpoint = await transport({ path: join(directory, 'p.sock'), mode: 0o666 }).listen();
    expect(await unprivileged?.ask({ do: 'connect', endpoint })).toEqual({ endpoint });
  });
});

describe.runIf(group !== undefined)('group', () => {
  const { name, gid } = group ?? { name: '', gid: -1 };

  it.each([{ group: gid }, { group: String(gid) }, { group: name }])(
    'is the requested one, $group, and the owner stays the same',
    async (options) => {
      const directory = await freshDirectory();
      const endpoint = await transport({ directory, ...options }).listen();
      expect(await stat(pathOf(endpoint))).toMatchObject({ uid: process.getuid?.(), gid });
    },
  );

  it.each([String(gid), name])(
    'is %j from PLUGIN_UNIX_SOCKET_GROUP, with a socket in PLUGIN_UNIX_SOCKET_DIR',
    async (value) => {
      const directory = await freshDirectory();
      const options = unixOptionsFromEnv({ PLUGIN_UNIX_SOCKET_DIR: directory, PLUGIN_UNIX_SOCKET_GROUP: value });
      const path = pathOf(await transport(options).listen());
      expect(await stat(path)).toMatchObject({ gid });
      expect(await readdir(directory)).toHaveLength(1);
    },
  );

  it('is the group of the process by default', async () => {
    const directory = await freshDirectory();
    expect(await stat(pathOf(await transport({ directory }).listen()))).toMatchObject({ gid: process.getgid?.() });
  });

  it.runIf(isRoot)('lets its members connect to a socket in a private directory', async () => {
    vi.stubEnv('XDG_RUNTIME_DIR', undefined);
    vi.stubEnv('TMPDIR', await freshDirectory(0o755));
    const endpoint = await transport({ group: gid }).listen();
    vi.unstubAllEnvs();
    const member = await startChild({ uid: otherUser.uid, gid });
    expect(await member.ask({ do: 'connect', endpoint })).toEqual({ endpoint });
    expect((await unprivileged?.ask({ do: 'connect', endpoint }))?.error?.code).toBe('PERMISSION_DENIED');
  });

  // A member could connect by that name before the socket has its mode.
  it.runIf(process.platform === 'linux')('finds no name of a socket in a private directory in /proc', async () => {
    vi.stubEnv('XDG_RUNTIME_DIR', undefined);
    vi.stubEnv('TMPDIR', await freshDirectory(0o755));
    const { base } = parse(pathOf(await transport({ group: gid }).listen()));
    vi.unstubAllEnvs();
    expect(await readFile('/proc/net/unix', 'utf8')).not.toContain(base);
  });

  it.runIf(isRoot)(
    'rejects a group that the user is not in with PERMISSION_DENIED and leaves nothing behind',
    async () => {
      const directory = await freshDirectory();
      await chown(directory, otherUser.uid, otherUser.gid);
      const reply = await unprivileged?.ask({ do: 'listen', options: { path: join(directory, 'p.sock'), group: gid } });
      expect(reply?.error).toMatchObject({ code: 'PERMISSION_DENIED', endpoint: `unix:${directory}/p.sock` });
      expect(await readdir(directory)).toEqual([]);
    },
  );
});

describe('group lookup', () => {
  it.each(['no-such-group', '--help', '-V', 'root:x', ' root', 'a\nroot', '*', '0x4'])(
    'rejects the unknown group %j with INVALID_ARGUMENT and leaves nothing behind',
    async (unknown) => {
      const directory = await freshDirectory();
      const error = await rejectionOf(transport({ directory, group: unknown }).listen());
      expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', hint: expect.stringContaining('getent') as string });
      expect(error.message).toContain(JSON.stringify(unknown));
      expect(await readdir(directory)).toEqual([]);
    },
  );

  it('stops when the transport closes, however long getent takes', async () => {
    const directory = await freshDirectory();
    await writeFile(join(directory, 'getent'), '#!/bin/sh\necho asked > "$0.asked"\nexec sleep 1000\n');
    await chmod(join(directory, 'getent'), 0o755);
    vi.stubEnv('PATH', `${directory}:${String(process.env['PATH'])}`);
    const listener = transport({ group: 'ldap-group' });
    const listening = rejectionOf(listener.listen());
    await until(() => existsSync(join(directory, 'getent.asked')));
    await listener.close();
    expect((await listening).code).toBe('CLOSED');
    vi.unstubAllEnvs();
  });

  it.each(['', '-1', '4242x', '0x10', ' 4242'])('rejects an entry with the group ID %j', async (number) => {
    const directory = await freshDirectory();
    await writeFile(join(directory, 'getent'), `#!/bin/sh\necho 'ldap-group:x:${number}:'\n`);
    await chmod(join(directory, 'getent'), 0o755);
    vi.stubEnv('PATH', `${directory}:${String(process.env['PATH'])}`);
    const error = await rejectionOf(transport({ group: 'ldap-group' }).listen());
    vi.unstubAllEnvs();
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', message: expect.stringContaining('no group') as string });
  });

  // A fake getent, since test machines have no directory service.
  it.runIf(isRoot)('finds a group outside /etc/group with getent', async () => {
    const directory = await freshDirectory();
    await mkdir(join(directory, 'bin'));
    await writeFile(
      join(directory, 'bin/getent'),
      '#!/bin/sh\n[ "$1 $2 $3" = "-- group ldap-group" ] && echo "ldap-group:x:4242:"\n',
    );
    await chmod(join(directory, 'bin/getent'), 0o755);
    vi.stubEnv('PATH', `${join(directory, 'bin')}:${String(process.env['PATH'])}`);
    const endpoint = await transport({ path: join(directory, 'p.sock'), group: 'ldap-group' }).listen();
    vi.unstubAllEnvs();
    expect(await stat(pathOf(endpoint))).toMatchObject({ gid: 4242 });
  });
});
