import { chmod, chown, mkdir, readdir, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import {
  exhaustDescriptors,
  freshDirectory,
  isRoot,
  otherUser,
  pathOf,
  recoverDescriptors,
  rejectionOf,
} from '@rpcplugin/test-support';
import { socketPathLimitBytes } from '@rpcplugin/transport-base';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { modeOf, otherGroup, stagingIn, startChild, transport } from './support.js';

const group = await otherGroup();
const uid = process.getuid?.();

describe('private directory', () => {
  let runtime: string;
  let temporary: string;

  beforeEach(async () => {
    runtime = await freshDirectory();
    temporary = await freshDirectory();
    vi.stubEnv('XDG_RUNTIME_DIR', runtime);
    vi.stubEnv('TMPDIR', temporary);
    return () => {
      vi.unstubAllEnvs();
    };
  });

  it('is created in XDG_RUNTIME_DIR and removed on close', async () => {
    const listener = transport();
    const endpoint = await listener.listen();
    const place = dirname(pathOf(endpoint));
    expect(dirname(place)).toBe(runtime);
    expect(basename(place)).toBe(`rpcplugin-${uid}`);
    expect(await modeOf(place)).toBe(0o700);
    expect(await readdir(place)).toEqual([basename(pathOf(endpoint))]);
    await transport().connect(endpoint);
    await listener.close();
    expect(await readdir(runtime)).toEqual([]);
    expect(await readdir(temporary)).toEqual([]);
  });

  it('is shared by the transports of a process and removed by the last one', async () => {
    const [first, second, third] = [transport(), transport(), transport()];
    const [one, two] = await Promise.all([first.listen(), second.listen()]);
    const three = await third.listen();
    expect(new Set([one, two, three]).size).toBe(3);
    expect(await readdir(runtime)).toHaveLength(1);
    await Promise.all([first.close(), third.close()]);
    expect(await readdir(runtime)).toHaveLength(1);
    await transport().connect(two);
    await second.close();
    expect(await readdir(runtime)).toEqual([]);
  });

  it('is shared by the processes of a user and removed by the last one', async () => {
    const listener = transport();
    const own = await listener.listen();
    const child = await startChild();
    const { endpoint = '' } = await child.ask({ do: 'listen' });
    expect(dirname(pathOf(endpoint))).toBe(dirname(pathOf(own)));
    await listener.close();
    await transport().connect(endpoint);
    await child.ask({ do: 'close' });
    expect(await readdir(runtime)).toEqual([]);
  });

  it('is created again after the last transport has stopped listening', async () => {
    const listener = transport();
    const before = await listener.listen();
    await listener.stopListening();
    expect(await readdir(runtime)).toEqual([]);
    const after = await listener.listen();
    expect(after).not.toBe(before);
    await transport().connect(after);
  });

  it('is removed after a cancelled listen, unless another transport uses it', async () => {
    const kept = transport();
    await kept.listen();
    const cancelled = transport();
    const listening = rejectionOf(cancelled.listen());
    await cancelled.close();
    await listening;
    expect(await readdir(runtime)).toHaveLength(1);
    await kept.close();
    expect(await readdir(runtime)).toEqual([]);

    const alone = transport();
    const failed = rejectionOf(alone.listen());
    await alone.close();
    await failed;
    expect(await readdir(runtime)).toEqual([]);
  });

  it('is created in TMPDIR if XDG_RUNTIME_DIR is unset', async () => {
    vi.stubEnv('XDG_RUNTIME_DIR', undefined);
    expect(dirname(dirname(pathOf(await transport().listen())))).toBe(temporary);
  });

  it.each(['', 'relative', '/nonexistent/directory'])(
    'is created in TMPDIR if XDG_RUNTIME_DIR is %j',
    async (value) => {
      vi.stubEnv('XDG_RUNTIME_DIR', value);
      expect(dirname(dirname(pathOf(await transport().listen())))).toBe(temporary);
    },
  );

  it.each([0o777, 0o770, 0o722])('is not created in a directory that others can write to, mode %o', async (mode) => {
    await chmod(runtime, mode);
    expect(dirname(dirname(pathOf(await transport().listen())))).toBe(temporary);
    expect(await readdir(runtime)).toEqual([]);
  });

  it('is created in a directory that others can write to if the sticky bit is set', async () => {
    await chmod(runtime, 0o1777);
    expect(dirname(dirname(pathOf(await transport().listen())))).toBe(runtime);
  });

  it.each([0o770, 0o707])('is not created below a directory that others can write to, mode %o', async (mode) => {
    await mkdir(join(runtime, 'd'));
    await chmod(runtime, mode);
    vi.stubEnv('XDG_RUNTIME_DIR', join(runtime, 'd'));
    expect(dirname(dirname(pathOf(await transport().listen())))).toBe(temporary);
  });

  it.runIf(isRoot)('is not created in a directory of another user', async () => {
    await chown(runtime, otherUser.uid, otherUser.gid);
    expect(dirname(dirname(pathOf(await transport().listen())))).toBe(temporary);
  });

  it('is created in TMPDIR if XDG_RUNTIME_DIR is a file', async () => {
    await writeFile(join(runtime, 'file'), '');
    vi.stubEnv('XDG_RUNTIME_DIR', join(runtime, 'file'));
    expect(dirname(dirname(pathOf(await transport().listen())))).toBe(temporary);
  });

  it('is created in TMPDIR if XDG_RUNTIME_DIR cannot be part of an endpoint', async () => {
    const directory = join(runtime, 'of plugins\n');
    await mkdir(directory);
    vi.stubEnv('XDG_RUNTIME_DIR', directory);
    expect(dirname(dirname(pathOf(await transport().listen())))).toBe(temporary);
  });

  it('is created in /tmp if the other directories are too long for a socket path', async () => {
    const long = join(temporary, 'd'.repeat(80));
    await mkdir(long);
    vi.stubEnv('XDG_RUNTIME_DIR', long);
    vi.stubEnv('TMPDIR', long);
    expect(tmpdir()).toBe(long);
    const endpoint = await transport().listen();
    expect(dirname(dirname(pathOf(endpoint)))).toBe('/tmp');
    expect(await readdir(long)).toEqual([]);
    await transport().connect(endpoint);
  });

  it('is created in TMPDIR if a socket path in it fits, to the byte', async () => {
    vi.stubEnv('XDG_RUNTIME_DIR', undefined);
    // All names of this thread have the same length.
    const path = pathOf(await transport().listen());
    const most = socketPathLimitBytes - Buffer.byteLength(path) - 1;
    const used = [];
    const sizes = Array.from({ length: 17 }, (_, i) => most - 8 + i);
    for (const bytes of sizes) {
      const base = join(temporary, 'd'.repeat(bytes));
      await mkdir(base);
      vi.stubEnv('TMPDIR', base);
      const endpoint = await transport().listen();
      await transport().connect(endpoint);
      if (pathOf(endpoint).startsWith(base)) used.push(bytes);
    }
    expect(used).toEqual(sizes.filter((bytes) => bytes <= most));
  });

  /** For a process with a temp directory of its own. */
  function environment(): NodeJS.ProcessEnv {
    return { TMPDIR: temporary };
  }

  it.runIf(isRoot)('is created in the TMPDIR of another user, below a directory of root', async () => {
    await chown(temporary, otherUser.uid, otherUser.gid);
    const child = await startChild({ ...otherUser, env: { ...environment(), XDG_RUNTIME_DIR: '' } });
    const { endpoint = '' } = await child.ask({ do: 'listen' });
    expect(dirname(dirname(pathOf(endpoint)))).toBe(temporary);
    await child.ask({ do: 'close' });
    expect(await readdir(temporary)).toEqual([]);
  });

  it.runIf(isRoot && group !== undefined)(
    'rejects listen with PERMISSION_DENIED and the reason for each place, and leaves nothing behind',
    async () => {
      await chown(temporary, otherUser.uid, otherUser.gid);
      const child = await startChild({ ...otherUser, env: environment() });
      // The user is not in this group.
      const { error } = await child.ask({ do: 'listen', options: { group: group?.gid } });
      expect(error?.code).toBe('PERMISSION_DENIED');
      expect(error?.hint).toContain('TMPDIR');
      for (const place of [temporary, '/tmp']) expect(error?.message).toContain(`${place}: EPERM`);
      expect(await readdir(temporary)).toEqual([]);
    },
  );

  it.runIf(group !== undefined)(
    'is a separate one in TMPDIR, with mode 0710 and the group of its sockets',
    async () => {
      const without = dirname(pathOf(await transport().listen()));
      const listener = transport({ group: group?.gid });
      const place = dirname(pathOf(await listener.listen()));
      expect(place).not.toBe(without);
      expect(dirname(place)).toBe(temporary);
      expect(basename(place)).toBe(`rpcplugin-${uid}-${group?.gid}`);
      expect(await modeOf(place)).toBe(0o710);
      expect((await stat(place)).gid).toBe(group?.gid);
      await listener.close();
      expect(await readdir(temporary)).toEqual([]);
    },
  );

  it('rejects listen with RESOURCE_EXHAUSTED if no descriptor is left, whatever is wrong with other places', async () => {
    vi.stubEnv('XDG_RUNTIME_DIR', '/nonexistent/directory');
    onTestFinished(recoverDescriptors);
    exhaustDescriptors();
    const error = await rejectionOf(transport().listen()).finally(recoverDescriptors);
    expect(error.code).toBe('RESOURCE_EXHAUSTED');
    expect(error.message).toMatch(/directory: \/nonexistent\/directory: ENOENT.* \/tmp: EMFILE/);
  });

  it('does not disturb close if a cleaner of temporary files removed it', async () => {
    const listener = transport();
    const place = dirname(pathOf(await listener.listen()));
    await rm(place, { recursive: true });
    await listener.close();
  });

  it('is created again after a cleaner of temporary files removed it', async () => {
    const first = transport();
    await rm(dirname(pathOf(await first.listen())), { recursive: true });
    await transport().connect(await transport().listen());
  });

  it.runIf(isRoot)('is neither used nor removed if another user recreated it', async () => {
    const first = transport();
    const place = dirname(pathOf(await first.listen()));
    await rm(place, { recursive: true });
    await mkdir(place);
    await chown(place, otherUser.uid, otherUser.gid);
    expect(dirname(pathOf(await transport().listen()))).not.toBe(place);
    await first.close();
    expect((await stat(place)).uid).toBe(otherUser.uid);
  });

  it('contains no staging directory after listen', async () => {
    const place = dirname(pathOf(await transport().listen()));
    expect(await stagingIn(place)).toEqual([]);
  });

  it('stays on close if it contains something else', async () => {
    const listener = transport();
    const place = dirname(pathOf(await listener.listen()));
    await mkdir(join(place, 'other'));
    await listener.close();
    await rmdir(join(place, 'other'));
    await rmdir(place);
  });
});
