import { chown, lstat, mkdir, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import {
  entriesOf,
  freshDirectory,
  isRoot,
  otherUser,
  pathOf,
  script,
  staleSocketAt,
  startProgram,
} from '@rpcplugin/test-support';
import type { ProgramOptions } from '@rpcplugin/test-support';
import type { Leftover } from '@rpcplugin/transport-unix/leftovers';
import { beforeEach, describe, expect, it } from 'vitest';
import { failed, json, rpcEndpoint } from './support.js';
import type { Result } from './support.js';

interface Swept extends Result {
  dryRun: boolean;
  leftovers: Leftover[];
}

/** Runs `rpc-endpoint sweep` with `--json`. */
async function swept(args: readonly string[], options?: ProgramOptions): Promise<{ exit: unknown; result: Swept }> {
  const { exit, result } = await json(['sweep', ...args], options);
  return { exit, result: result as Swept };
}

const privateName = `rpcplugin-${process.getuid?.()}`;

let directory: string;

beforeEach(async () => {
  directory = await freshDirectory();
});

/** Starts a process that listens in its private directory, below the directory. */
async function startListener(): Promise<{ path: string; kill: () => Promise<unknown> }> {
  const code = `
    import { turns } from '@rpcplugin/test-support/process';
    import { UnixSocketTransport } from '@rpcplugin/transport-unix';
    const endpoint = await new UnixSocketTransport().listen();
    // Its own sweep is over by then.
    await turns(20);
    console.log(endpoint);
  `;
  const program = startProgram(script(import.meta.url, code), { env: { XDG_RUNTIME_DIR: directory } });
  const [endpoint] = await program.printed(/^unix:.*$/m);
  return { path: pathOf(endpoint), kill: () => program.kill() };
}

/** What a sweep could change. */
async function snapshot(): Promise<unknown> {
  const paths = ['.', ...(await entriesOf(directory))];
  const files = await Promise.all(paths.map((path) => lstat(join(directory, path))));
  return files.map(({ mode, uid, gid, ino, ctimeMs }, i) => ({ path: paths[i], mode, uid, gid, ino, ctimeMs }));
}

describe('what a killed process left', () => {
  it('is listed by a dry run, which changes nothing, and removed by a sweep', async () => {
    const [killed, live] = await Promise.all([startListener(), startListener()]);
    await killed.kill();
    const before = await snapshot();

    const dry = await swept(['--dry-run', directory]);
    expect(dry.exit).toBe(1);
    expect(dry.result.dryRun).toBe(true);
    const found = Object.fromEntries(dry.result.leftovers.map(({ path, owner }) => [path, owner]));
    expect(found).toEqual({ [killed.path]: 'gone', [live.path]: 'alive' });
    expect(dry.result.findings).toMatchObject([{ level: 'problem', what: 'left by processes that have ended: 1' }]);
    expect(await snapshot()).toEqual(before);

    const { status, stdout } = await rpcEndpoint(['sweep', directory]);
    expect(status).toBe(0);
    expect(stdout).toMatch(new RegExp(`^removed +socket ${killed.path}: its process has ended \\(pid \\d+\\)$`, 'm'));
    expect(stdout).toMatch(new RegExp(`^alive +socket ${live.path}: its process runs \\(pid \\d+\\)$`, 'm'));
    expect(await entriesOf(directory)).toEqual([privateName, live.path.slice(directory.length + 1)]);
  });

  it('is found in the usual places without a directory', async () => {
    const { path, kill } = await startListener();
    await kill();
    const { exit, result } = await swept(['--dry-run'], { env: { XDG_RUNTIME_DIR: directory } });
    expect(exit).toBe(1);
    const pid = expect.any(Number) as number;
    expect(result.leftovers).toContainEqual({
      path,
      kind: 'socket',
      owner: 'gone',
      pid,
      reason: 'its process has ended',
      isRemoved: false,
    });
  });

  it('is shown without the control characters of its path', async () => {
    const { path, kill } = await startListener();
    await kill();
    const evil = join(directory, 'a\u001b[2J\nb');
    await mkdir(evil);
    await rename(join(directory, privateName), join(evil, privateName));
    for (const args of [[], ['--json']]) {
      const { status, stdout, stderr } = await rpcEndpoint(['sweep', '--dry-run', ...args, evil]);
      expect({ status, stderr }).toEqual({ status: 1, stderr: '' });
      expect(stdout).toContain(path.slice(directory.length));
      expect(stdout).not.toContain('\u001b');
      expect(stdout).not.toMatch(/^b/m);
    }
  });
});

it('a directory without leftovers is well', async () => {
  const { status, stdout } = await rpcEndpoint(['sweep', directory]);
  expect({ status, stdout }).toEqual({
    status: 0,
    stdout: 'ok       no process has left anything\n         There is nothing to do.\n',
  });
});

it.runIf(isRoot)("another user's is listed as unknown, and left alone", async () => {
  const place = join(directory, `rpcplugin-${otherUser.uid}`);
  await mkdir(place);
  await staleSocketAt(join(place, 'plugin'));
  await chown(place, otherUser.uid, otherUser.gid);
  const { exit, result } = await swept([directory]);
  expect(exit).toBe(0);
  expect(result.leftovers).toMatchObject([{ path: place, owner: 'unknown', reason: 'it belongs to another user' }]);
  expect(result.findings).toMatchObject([{ level: 'note' }]);
  expect(await readdir(place)).toEqual(['plugin']);
});

it('a directory that does not exist is a problem', async () => {
  const { exit, error } = await failed(['sweep', join(directory, 'missing')]);
  expect(exit).toBe(1);
  expect(error).toMatchObject({ code: 'NOT_FOUND', hint: 'Give a directory that exists.' });
});
