import { mkdir, readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { freshDirectory, isRoot, otherUser, pathOf, run, script, staleSocketAt } from '@rpcplugin/test-support';
import { socketPathLimitBytes } from '@rpcplugin/transport-base';
import { describe, expect, it } from 'vitest';
import { startConfined, withoutProc } from './confined.js';
import { modeOf, stagingIn } from './support.js';

const namedByPaths = expect.stringContaining('not through /proc') as string;

describe.runIf(isRoot)('without /proc', () => {
  it('listen works at paths of every length in directories of every depth', async () => {
    const directory = await freshDirectory();
    const child = await startConfined(withoutProc);
    for (let length = directory.length + 2; length <= socketPathLimitBytes; length++) {
      const rest = length - directory.length - 1;
      const paths = [join(directory, 'x'.repeat(rest))];
      if (rest > 2) paths.push(join(directory, 'd'.repeat(rest - 2), 's'));
      for (const path of paths) {
        await mkdir(dirname(path), { recursive: true });
        const endpoint = `unix:${path}`;
        expect(await child.ask({ do: 'listen', options: { path, mode: 0o622 } })).toMatchObject({ endpoint });
        expect(await modeOf(path)).toBe(0o622);
        expect(await child.ask({ do: 'connect', endpoint })).toEqual({ endpoint });
        expect(await child.ask({ do: 'close' })).toEqual({});
        expect(await readdir(dirname(path))).not.toContain('s');
      }
    }
    expect((await readdir(directory, { recursive: true })).filter((name) => !/^d+$/.test(name))).toEqual([]);
  });

  it.each([
    { where: 'a short path', depth: 0, warnings: [namedByPaths] },
    {
      where: 'a path without space for a staging directory',
      depth: 75,
      warnings: [namedByPaths, expect.stringMatching(/^the socket was visible before it had its mode/)],
    },
  ])('listen replaces a stale socket at $where', async ({ depth, warnings }) => {
    const directory = join(await freshDirectory(), 'd'.repeat(depth));
    await mkdir(directory, { recursive: true });
    const path = join(directory, 's');
    await staleSocketAt(path);
    const child = await startConfined(withoutProc);
    expect(await child.ask({ do: 'listen', options: { path } })).toEqual({ endpoint: `unix:${path}`, warnings });
    expect((await child.ask({ do: 'listen', options: { path } })).error?.code).toBe('ADDRESS_IN_USE');
    expect(await stagingIn(directory)).toEqual([]);
    expect(await child.ask({ do: 'close' })).toEqual({});
    expect(await readdir(directory)).toEqual([]);
  });

  it('listen creates missing parents, and close removes them', async () => {
    const directory = await freshDirectory();
    const child = await startConfined(withoutProc);
    const options = { path: join(directory, 'a/b/p.sock'), group: otherUser.gid };
    expect(await child.ask({ do: 'listen', options })).toEqual({
      endpoint: `unix:${options.path}`,
      warnings: [namedByPaths],
    });
    expect(await modeOf(join(directory, 'a/b'))).toBe(0o710);
    expect((await stat(options.path)).gid).toBe(otherUser.gid);
    expect(await child.ask({ do: 'close' })).toEqual({});
    expect(await readdir(directory)).toEqual([]);
  });

  it('listen works in a directory and automatically, and close leaves nothing behind', async () => {
    const directory = await freshDirectory();
    const child = await startConfined(withoutProc, { env: { XDG_RUNTIME_DIR: directory } });
    for (const options of [{ directory }, { directory: join(directory, 'made') }, {}]) {
      const { endpoint = '', warnings } = await child.ask({ do: 'listen', options });
      expect(pathOf(endpoint).startsWith(directory)).toBe(true);
      // Nobody can know its owner, or whether a beacon is needed.
      expect(basename(pathOf(endpoint))).toMatch(/^plugin-[\w-]{12}$/);
      expect((await readdir(dirname(pathOf(endpoint)))).filter((name) => name.startsWith('beacon'))).toEqual([]);
      expect(warnings).toEqual([namedByPaths]);
      expect(await child.ask({ do: 'connect', endpoint })).toEqual({ endpoint });
    }
    expect(await child.ask({ do: 'close' })).toEqual({});
    expect(await readdir(directory)).toEqual([]);
  });

  it('listen rejects a directory in which others could redirect the change of the mode', async () => {
    const directory = await freshDirectory(0o777);
    const child = await startConfined(withoutProc);
    const { error } = await child.ask({ do: 'listen', options: { path: join(directory, 'p.sock') } });
    expect(error).toMatchObject({ code: 'PERMISSION_DENIED', hint: expect.stringContaining('/proc') as string });
    expect(await readdir(directory)).toEqual([]);
  });

  it('listen works in such a directory if the umask gives the socket its mode, and keeps stale sockets', async () => {
    const directory = await freshDirectory(0o777);
    const [path, stale] = [join(directory, 'p.sock'), join(directory, 'stale.sock')];
    await staleSocketAt(stale);
    const child = await startConfined(withoutProc);
    const { endpoint, warnings } = await child.ask({ do: 'listen', options: { path, mode: 0o660 }, umask: 0o117 });
    expect(endpoint).toBe(`unix:${path}`);
    expect(warnings).toContainEqual(expect.stringContaining('the mode that the umask gives it'));
    expect(await modeOf(path)).toBe(0o660);
    expect((await child.ask({ do: 'listen', options: { path: stale } })).error?.code).toBe('ADDRESS_IN_USE');
    const options = { path: join(directory, 'group.sock'), group: otherUser.gid };
    expect((await child.ask({ do: 'listen', options })).error?.code).toBe('PERMISSION_DENIED');
    expect(await child.ask({ do: 'close' })).toEqual({});
    expect(await readdir(directory)).toEqual(['stale.sock']);
  });

  it('listen opens no directory that it creates to a group where others could replace it', async () => {
    const directory = await freshDirectory(0o777);
    const child = await startConfined(withoutProc);
    const options = { path: join(directory, 'made/p.sock'), group: otherUser.gid };
    const { error } = await child.ask({ do: 'listen', options });
    expect(error?.message).toContain('may have been replaced by another user');
    expect(await modeOf(join(directory, 'made'))).toBe(0o700);
    expect(await readdir(join(directory, 'made'))).toEqual([]);
  });

  it('a private directory that another user can replace is listed as a leftover, and stays', async () => {
    const directory = await freshDirectory(0o777);
    await mkdir(join(directory, 'rpcplugin-0'), { mode: 0o700 });
    const code = `
      import { removeLeftovers } from '../src/leftovers.js';
      for (const { owner, reason } of await removeLeftovers(process.argv[2])) console.log(owner + ': ' + reason);
    `;
    const { stdout } = await run(['env', ...withoutProc, ...script(import.meta.url, code, directory)]);
    expect(stdout).toBe('unknown: other users may be able to replace it\n');
    expect(await readdir(directory)).toEqual(['rpcplugin-0']);
  });

  it('an automatic listen of another user works, and close leaves nothing behind', async () => {
    const shared = await freshDirectory(0o1777);
    const { uid, gid } = otherUser;
    const user = ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'];
    const env = { XDG_RUNTIME_DIR: '', TMPDIR: shared };
    const child = await startConfined([...withoutProc, ...user], { env });
    const { endpoint = '', warnings } = await child.ask({ do: 'listen' });
    expect(dirname(pathOf(endpoint))).toBe(join(shared, `rpcplugin-${uid}`));
    expect(warnings).toEqual([namedByPaths]);
    expect(await child.ask({ do: 'close' })).toEqual({});
    expect(await readdir(shared)).toEqual([]);
  });
});
