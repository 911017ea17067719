import { mkdir, readdir, readFile, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { entriesOf, freshDirectory, staleSocketAt, until } from '@rpcplugin/test-support';
import { describe, expect, it } from 'vitest';
import { failing, hasLandlock, startConfined, withoutRefer } from './confined.js';
import { otherGroup, plainServer, saysHello, stagingName } from './support.js';

const group = await otherGroup();
const isConfinable = await hasLandlock();
/** What listen warns of if it binds the socket under its final name. */
const visible = [expect.stringMatching(/^the socket was visible before it had its mode/)];

describe.each([
  { case: 'under Landlock without "refer"', wrapper: withoutRefer, runs: isConfinable },
  ...['EXDEV', 'EPERM', 'EMLINK', 'EOPNOTSUPP'].map((error) => ({
    case: `if link(2) fails with ${error}`,
    wrapper: failing('link,linkat', error),
    runs: true,
  })),
  ...['EACCES', 'EPERM', 'EROFS'].map((error) => ({
    case: `if mkdir(2) fails with ${error}`,
    wrapper: failing('mkdir,mkdirat', error),
    runs: true,
  })),
])('listen $case', ({ wrapper, runs }) => {
  it.runIf(runs)('works with the right mode and group, and leaves nothing behind', async () => {
    const directory = await freshDirectory();
    const path = join(directory, 'p.sock');
    const child = await startConfined(wrapper);
    const options = { path, mode: 0o622, ...(group !== undefined && { group: group.gid }) };
    const { endpoint = '', warnings } = await child.ask({ do: 'listen', options, umask: 0 });
    expect(endpoint).toBe(`unix:${path}`);
    expect(warnings).toEqual(visible);
    const { mode, gid } = await stat(path);
    expect(mode & 0o7777).toBe(0o622);
    expect(gid).toBe(group?.gid ?? process.getgid?.());
    expect(await child.ask({ do: 'connect', endpoint })).toEqual({ endpoint });
    expect(await child.ask({ do: 'close' })).toEqual({});
    expect(await readdir(directory)).toEqual([]);
  });

  it.runIf(runs)('replaces a stale socket, but not a live one', async () => {
    const directory = await freshDirectory();
    const path = join(directory, 'p.sock');
    await staleSocketAt(path);
    const [first, second] = await Promise.all([startConfined(wrapper), startConfined(wrapper)]);
    const { endpoint = '', warnings } = await first.ask({ do: 'listen', options: { path } });
    expect(warnings).toEqual(visible);
    expect((await second.ask({ do: 'listen', options: { path } })).error?.code).toBe('ADDRESS_IN_USE');
    expect(await second.ask({ do: 'connect', endpoint })).toEqual({ endpoint });
    expect(await readdir(directory)).toEqual(['p.sock']);
    expect(await first.ask({ do: 'close' })).toEqual({});
    expect(await readdir(directory)).toEqual([]);
  });

  it.runIf(runs)('works in a directory', async () => {
    const directory = await freshDirectory();
    const child = await startConfined(wrapper);
    const { endpoint = '', warnings } = await child.ask({ do: 'listen', options: { directory } });
    expect(warnings).toEqual(visible);
    expect(await child.ask({ do: 'connect', endpoint })).toEqual({ endpoint });
    expect(await child.ask({ do: 'close' })).toEqual({});
    expect(await readdir(directory)).toEqual([]);
  });
});

describe.each([
  { case: 'under Landlock without "refer"', wrapper: withoutRefer, runs: isConfinable },
  { case: 'without link(2)', wrapper: failing('link,linkat', 'EPERM'), runs: true },
])('$case', ({ wrapper, runs }) => {
  it.runIf(runs)('an automatic listen needs no link, so it warns of nothing', async () => {
    const directory = await freshDirectory();
    const child = await startConfined(wrapper, { env: { XDG_RUNTIME_DIR: directory } });
    const { endpoint = '', warnings } = await child.ask({ do: 'listen' });
    expect(warnings).toEqual([]);
    expect(await child.ask({ do: 'connect', endpoint })).toEqual({ endpoint });
    expect(await child.ask({ do: 'close' })).toEqual({});
    expect(await readdir(directory)).toEqual([]);
  });
});

it('a live socket that replaces a stale one meanwhile gets its name back without link(2)', async () => {
  const directory = await freshDirectory();
  const [path, live, trace] = ['p.sock', 'live', 'trace'].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ];
  await staleSocketAt(path);
  await plainServer(live);
  const slow = ['-einject=rename:delay_enter=500000', '-einject=link:error=EPERM'];
  const child = await startConfined(['strace', '-fqqo', trace, '-etrace=connect,statx,rename,link', ...slow]);
  const listening = child.ask({ do: 'listen', options: { path } });
  // It has looked at the stale socket for the last time, and is about to move it aside.
  await until(async () => /ECONNREFUSED[^]*p\.sock", .*NOFOLLOW/.test(await readFile(trace, 'utf8')));
  await rename(live, path);
  expect((await listening).error?.code).toBe('ADDRESS_IN_USE');
  expect(await saysHello(path)).toBe(true);
});

it('a staging directory that another process creates at the same time is shared', async () => {
  const directory = await freshDirectory();
  const [path, staging, trace] = ['p.sock', stagingName, 'trace'].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ];
  const slow = ['-einject=mkdir:delay_enter=500000'];
  const child = await startConfined(['strace', '-fqqo', trace, '-etrace=statx,mkdir', ...slow]);
  const listening = child.ask({ do: 'listen', options: { path } });
  // It has found none, and is about to create it.
  await until(async () => /rpcplugin.* ENOENT/.test(await readFile(trace, 'utf8')));
  await mkdir(staging, { mode: 0o700, recursive: true });
  expect(await listening).toEqual({ endpoint: `unix:${path}`, warnings: [] });
  expect(await readFile(trace, 'utf8')).toMatch(/mkdir\(.*rpcplugin.* EEXIST/);
  expect(await child.ask({ do: 'close' })).toEqual({});
});

it('listen goes on without a lock if symlink(2) is refused', async () => {
  const directory = await freshDirectory();
  const path = join(directory, 'p.sock');
  await staleSocketAt(path);
  const child = await startConfined(failing('symlink,symlinkat', 'EPERM'));
  expect(await child.ask({ do: 'listen', options: { path } })).toEqual({
    endpoint: `unix:${path}`,
    warnings: ['the path could not be locked'],
  });
  expect(await child.ask({ do: 'close' })).toEqual({});
  expect(await readdir(directory)).toEqual([]);
});

describe('an exceeded disk quota (EDQUOT)', () => {
  it.each([
    { call: 'mkdir', wrapper: failing('mkdir,mkdirat', 'EDQUOT'), name: 'made/p.sock' },
    // The first one looks for network interfaces.
    { call: 'bind', wrapper: failing('bind', 'EDQUOT:when=2+'), name: 'p.sock' },
    { call: 'rename', wrapper: failing('rename,renameat', 'EDQUOT'), name: 'stale.sock' },
  ])('in $call rejects listen with RESOURCE_EXHAUSTED and leaves nothing behind', async ({ wrapper, name }) => {
    const directory = await freshDirectory();
    await staleSocketAt(join(directory, 'stale.sock'));
    const child = await startConfined(wrapper);
    const { error } = await child.ask({ do: 'listen', options: { path: join(directory, name) } });
    expect(error).toMatchObject({ code: 'RESOURCE_EXHAUSTED', hint: expect.stringContaining('space') as string });
    expect(await entriesOf(directory)).toEqual(['stale.sock']);
  });

  it.each([
    // The private directory of another group: in /tmp, which comes last, that of this user may be there already.
    { call: 'mkdir', wrapper: failing('mkdir,mkdirat', 'EDQUOT'), options: { group: 54_321 } },
    { call: 'bind', wrapper: failing('bind', 'EDQUOT:when=2+'), options: {} },
  ])('in $call rejects an automatic listen with RESOURCE_EXHAUSTED', async ({ wrapper, options }) => {
    const directory = await freshDirectory();
    const env = { XDG_RUNTIME_DIR: directory, TMPDIR: directory };
    const child = await startConfined(wrapper, { env });
    const { error } = await child.ask({ do: 'listen', options });
    expect(error).toMatchObject({ code: 'RESOURCE_EXHAUSTED', hint: expect.stringContaining('space') as string });
    expect(await readdir(directory)).toEqual([]);
  });

  it('in link(2) rejects listen with RESOURCE_EXHAUSTED and leaves nothing behind', async () => {
    const directory = await freshDirectory();
    const child = await startConfined(failing('link,linkat', 'EDQUOT'));
    const { error } = await child.ask({ do: 'listen', options: { path: join(directory, 'p.sock') } });
    expect(error).toMatchObject({ code: 'RESOURCE_EXHAUSTED', hint: expect.stringContaining('space') as string });
    expect(await readdir(directory)).toEqual([]);
  });
});

it('close says if its directory cannot be removed', async () => {
  const directory = await freshDirectory();
  const child = await startConfined(failing('rmdir', 'EIO'), { env: { XDG_RUNTIME_DIR: directory } });
  await child.ask({ do: 'listen' });
  expect((await child.ask({ do: 'close' })).error).toMatchObject({ code: 'IO' });
  expect(await entriesOf(directory)).toEqual([`rpcplugin-${process.geteuid?.()}`]);
});

it('a failing fstat(2) or statx(2) leaks no descriptor', async () => {
  const directory = await freshDirectory();
  const path = join(directory, 'made/p.sock');
  await mkdir(join(directory, 'made'));
  const child = await startConfined(failing('statx,fstat', 'EIO', join(directory, 'made')));
  const descriptorsOf = async (): Promise<string[]> => {
    const { descriptors = [] } = await child.ask({ do: 'list descriptors' });
    return descriptors.filter((target) => target.startsWith('/')).sort();
  };
  const before = await descriptorsOf();
  for (const options of [{ path }, { directory: join(directory, 'made') }, { path: join(directory, 'made/a/b') }]) {
    expect((await child.ask({ do: 'listen', options })).error?.code).toBe('IO');
  }
  expect(await descriptorsOf()).toEqual(before);
});

it('neither listen nor connect uses an abstract socket name', async () => {
  const directory = await freshDirectory();
  await staleSocketAt(join(directory, 'stale.sock'));
  const trace = join(directory, 'trace');
  const child = await startConfined(['strace', '-fqqo', trace, '-e', 'trace=bind,connect']);
  for (const options of [{}, { path: join(directory, 'stale.sock') }, { directory }]) {
    const { endpoint = '' } = await child.ask({ do: 'listen', options });
    await child.ask({ do: 'connect', endpoint });
  }
  expect(await child.ask({ do: 'close' })).toEqual({});
  const calls = await readFile(trace, 'utf8');
  expect(calls.match(/sun_path="/g)?.length).toBeGreaterThan(5);
  expect(calls).not.toContain('sun_path=@');
});
