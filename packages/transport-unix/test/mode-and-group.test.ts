import { existsSync } from 'node:fs';
import { chmod, chown, mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freshDirectory, isRoot, otherUser, pathOf, rejectionOf, until } from '@rpcplugin/test-support';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { unixOptionsFromEnv } from '../src/index.js';
import { otherGroup, startOther, transport } from './support.js';

const group = await otherGroup();
/** A process of a user without any rights. */
const stranger = isRoot ? await startOther({ ...otherUser, whenOver: afterAll }) : undefined;

describe('the mode of the file', () => {
  it('is 0660, or what was asked for, under any umask', async () => {
    const directory = await freshDirectory();
    // Its umask is that of a whole process.
    const child = await startOther();
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

  it.runIf(isRoot)('decides who may connect', async () => {
    const directory = await freshDirectory(0o755);
    for (const mode of [0o660, 0o664, 0o600]) {
      const listener = transport({ path: join(directory, 'p.sock'), mode });
      const reply = await stranger?.ask({ do: 'connect', endpoint: await listener.listen() });
      expect(reply?.error).toMatchObject({ code: 'PERMISSION_DENIED', endpoint: `unix:${directory}/p.sock` });
      expect(reply?.error?.hint).toContain('mode');
      await listener.close();
    }
    const endpoint = await transport({ path: join(directory, 'p.sock'), mode: 0o666 }).listen();
    expect(await stranger?.ask({ do: 'connect', endpoint })).toEqual({ endpoint });
  });
});

describe.runIf(group !== undefined)('the group of the file', () => {
  const { name, gid } = group ?? { name: '', gid: -1 };

  it.each([{ group: gid }, { group: name }])('is the one asked for, $group, and the owner stays', async (options) => {
    const directory = await freshDirectory();
    const endpoint = await transport({ directory, ...options }).listen();
    expect(await stat(pathOf(endpoint))).toMatchObject({ uid: process.getuid?.(), gid });
  });

  it.each([String(gid), name])('is PLUGIN_UNIX_SOCKET_GROUP, %j, in PLUGIN_UNIX_SOCKET_DIR', async (value) => {
    const directory = await freshDirectory();
    const options = unixOptionsFromEnv({ PLUGIN_UNIX_SOCKET_DIR: directory, PLUGIN_UNIX_SOCKET_GROUP: value });
    const path = pathOf(await transport(options).listen());
    expect(await stat(path)).toMatchObject({ gid });
    expect(await readdir(directory)).toHaveLength(1);
  });

  it('is the one of the process by default', async () => {
    const directory = await freshDirectory();
    expect(await stat(pathOf(await transport({ directory }).listen()))).toMatchObject({ gid: process.getgid?.() });
  });

  it.runIf(isRoot)('lets its members connect, in a private directory too', async () => {
    vi.stubEnv('XDG_RUNTIME_DIR', undefined);
    vi.stubEnv('TMPDIR', await freshDirectory(0o755));
    const endpoint = await transport({ group: gid }).listen();
    vi.unstubAllEnvs();
    const member = await startOther({ uid: otherUser.uid, gid });
    expect(await member.ask({ do: 'connect', endpoint })).toEqual({ endpoint });
    expect((await stranger?.ask({ do: 'connect', endpoint }))?.error?.code).toBe('PERMISSION_DENIED');
  });

  it.runIf(isRoot)('that is not the own one of a user: PERMISSION_DENIED, and nothing is left', async () => {
    const directory = await freshDirectory();
    await chown(directory, otherUser.uid, otherUser.gid);
    const reply = await stranger?.ask({ do: 'listen', options: { path: join(directory, 'p.sock'), group: gid } });
    expect(reply?.error).toMatchObject({ code: 'PERMISSION_DENIED', endpoint: `unix:${directory}/p.sock` });
    expect(await readdir(directory)).toEqual([]);
  });
});

describe('a group that is not there', () => {
  it.each(['no-such-group', '--help', '-V', 'root:x', ' root', 'a\nroot', '*', '0'])(
    '%j: INVALID_ARGUMENT, and nothing is left',
    async (unknown) => {
      const directory = await freshDirectory();
      const error = await rejectionOf(transport({ directory, group: unknown }).listen());
      expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', hint: expect.stringContaining('getent') as string });
      expect(error.message).toContain(JSON.stringify(unknown));
      expect(await readdir(directory)).toEqual([]);
    },
  );

  it('does not keep a listen that is given up, however long the look-up takes', async () => {
    const directory = await freshDirectory();
    await writeFile(join(directory, 'getent'), '#!/bin/sh\necho asked > "$0.asked"\nexec sleep 1000\n');
    await chmod(join(directory, 'getent'), 0o755);
    vi.stubEnv('PATH', `${directory}:${String(process.env['PATH'])}`);
    const listener = transport({ group: 'of-a-service' });
    const listening = rejectionOf(listener.listen());
    await until(() => existsSync(join(directory, 'getent.asked')));
    await listener.close();
    expect((await listening).code).toBe('CLOSED');
    vi.unstubAllEnvs();
  });

  it.each(['', '-1', '4242x', '0x10', ' 4242'])('has an entry with %j for its number', async (number) => {
    const directory = await freshDirectory();
    await writeFile(join(directory, 'getent'), `#!/bin/sh\necho 'of-a-service:x:${number}:'\n`);
    await chmod(join(directory, 'getent'), 0o755);
    vi.stubEnv('PATH', `${directory}:${String(process.env['PATH'])}`);
    const error = await rejectionOf(transport({ group: 'of-a-service' }).listen());
    vi.unstubAllEnvs();
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', message: expect.stringContaining('no group') as string });
  });

  // No directory service stands behind the `getent` of a test machine, so this one speaks for it.
  it.runIf(isRoot)('in /etc/group is looked up with getent', async () => {
    const directory = await freshDirectory();
    await mkdir(join(directory, 'bin'));
    await writeFile(
      join(directory, 'bin/getent'),
      '#!/bin/sh\n[ "$1 $2 $3" = "-- group of-a-service" ] && echo "of-a-service:x:4242:"\n',
    );
    await chmod(join(directory, 'bin/getent'), 0o755);
    vi.stubEnv('PATH', `${join(directory, 'bin')}:${String(process.env['PATH'])}`);
    const endpoint = await transport({ path: join(directory, 'p.sock'), group: 'of-a-service' }).listen();
    vi.unstubAllEnvs();
    expect(await stat(pathOf(endpoint))).toMatchObject({ gid: 4242 });
  });
});
