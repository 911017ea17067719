import { chmod, mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import {
  closeAfterTest,
  codeOf,
  freshDirectory,
  isRoot,
  otherUser,
  plainListener,
  run,
  script,
  staleSocketAt,
  startProgram,
} from '@rpcplugin/test-support';
import { UnixSocketTransport } from '@rpcplugin/transport-unix';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { failed, probed, rpcEndpoint } from './support.js';

let directory: string;
let path: string;

beforeEach(async () => {
  directory = await freshDirectory(0o755);
  path = join(directory, 'p.sock');
});

/** A problem that the first finding states, with advice on one line. */
function problem(what: string): unknown {
  const advice: unknown = expect.stringMatching(/^.+\.$/);
  return { level: 'problem', what: expect.stringContaining(what) as unknown, advice };
}

describe('a live socket', () => {
  it('has its file, and the process that listens', async () => {
    await plainListener({ path });
    await chmod(path, 0o640);
    const { exit, result } = await probed(['--no-grpc', path]);
    expect(exit).toBe(0);
    expect(result).toEqual({
      endpoint: `unix:${path}`,
      network: 'unix',
      status: 'live',
      path,
      pathBytes: Buffer.byteLength(path),
      pathLimitBytes: 107,
      file: { kind: 'socket', mode: '0640', owner: expect.any(String) as string, group: expect.any(String) as string },
      listeners: [{ pid: process.pid, command: expect.stringContaining('node') as string }],
      leftovers: 0,
      findings: [{ level: 'ok', what: 'it accepts connections', advice: 'There is nothing to do.' }],
    });
  });

  it('of a transport, which has another name in the kernel, has its process as well', async () => {
    await closeAfterTest(new UnixSocketTransport({ path })).listen();
    const { result } = await probed(['--no-grpc', path]);
    expect(result).toMatchObject({ status: 'live', listeners: [{ pid: process.pid }] });
  });

  it('has its process without `ss`, by the name in /proc/net/unix', async () => {
    await plainListener({ path });
    const { result } = await probed(['--no-grpc', path], { env: { PATH: '/nonexistent' } });
    expect(result.listeners).toMatchObject([{ pid: process.pid }]);
  });

  it('has its process alone, also if the name of that looks like another', async () => {
    const code = `
      import socket, sys, time
      open('/proc/self/comm', 'w').write('",pid=1,fd=3),(')
      s = socket.socket(socket.AF_UNIX)
      s.bind(sys.argv[1])
      s.listen()
      print('bound', flush=True)
      time.sleep(600)
    `.replaceAll('\n      ', '\n');
    const listener = startProgram(['python3', '-c', code, path]);
    await listener.printed(/bound/);
    const { result } = await probed(['--no-grpc', path]);
    expect(result.listeners).toMatchObject([{ pid: listener.process.pid }]);
  });

  it('has its process on a machine where `ss` prints much', async () => {
    await closeAfterTest(new UnixSocketTransport({ path })).listen();
    const ss = join(directory, 'ss');
    const PATH = process.env['PATH'] ?? '';
    const lines = ['#!/bin/sh', 'head -c 2000000 /dev/zero | tr "\\0" x', 'echo', `PATH='${PATH}' exec ss "$@"`];
    await writeFile(ss, lines.join('\n'), { mode: 0o755 });
    const { result } = await probed(['--no-grpc', path], { env: { PATH: `${directory}:${PATH}` } });
    expect(result.listeners).toMatchObject([{ pid: process.pid }]);
  });

  it.runIf(isRoot)('of another user does not show its process to one who may not see it', async () => {
    await plainListener({ path });
    await chmod(path, 0o666);
    const { status, stdout } = await rpcEndpoint(['probe', '--no-grpc', path], otherUser);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^listener {2,}not known$/m);
  });

  it('is reached by a relative path and a symbolic link', async () => {
    await plainListener({ path });
    await symlink('p.sock', join(directory, 'link'));
    const { exit, result } = await probed(['--no-grpc', './link'], { cwd: directory });
    expect(exit).toBe(0);
    expect(result).toMatchObject({ status: 'live', file: { kind: 'socket', linkTarget: 'p.sock' } });
  });

  it('with leftovers of a killed process beside it says how to remove them', async () => {
    directory = join(directory, "it's here");
    path = join(directory, 'p.sock');
    const staging = join(directory, `.rpcplugin-${process.getuid?.()}`);
    await mkdir(staging, { mode: 0o700, recursive: true });
    const code = `
      import { createServer } from 'node:net';
      import { ownedName } from '../../transport-unix/src/owner.js';
      createServer().listen(process.argv[2] + '/' + ownedName('new'), () => process.kill(process.pid, 'SIGKILL'));
    `;
    expect((await run(script(import.meta.url, code, staging))).status).toBe('SIGKILL');
    await plainListener({ path });
    const { exit, result } = await probed(['--no-grpc', path]);
    expect(exit).toBe(0);
    expect(result.leftovers).toBe(1);
    const advice = `Run \`rpc-endpoint sweep '${directory.replace("'", String.raw`'\''`)}'\` to remove them.`;
    expect(result.findings).toContainEqual({ level: 'note', what: expect.stringMatching(/: 1$/) as string, advice });
  });
});

it('a lock of the path names the process that holds it', async () => {
  const staging = join(directory, `.rpcplugin-${process.getuid?.()}`);
  await mkdir(staging, { mode: 0o700 });
  const code = `
    import { symlinkSync } from 'node:fs';
    import { ownedName } from '../../transport-unix/src/owner.js';
    symlinkSync(ownedName('lock'), process.argv[2]);
    console.log(process.pid);
    setInterval(() => undefined, 60_000);
  `;
  const holder = startProgram(script(import.meta.url, code, join(staging, 'lock:p.sock')));
  await holder.printed(/\n/);
  await staleSocketAt(path);
  const lock = { owner: 'alive', pid: holder.process.pid };
  expect((await probed([path])).result).toMatchObject({ status: 'stale', lock });
  const { stdout } = await rpcEndpoint(['probe', path]);
  expect(stdout).toMatch(new RegExp(`^lock +held by pid ${holder.process.pid} \\(.+\\)$`, 'm'));
  await holder.kill();
  expect((await probed([path])).result).toMatchObject({ lock: { ...lock, owner: 'gone' }, leftovers: 1 });
  expect(await readdir(staging)).toEqual(['lock:p.sock']);
});

describe('a path that no transport can connect to', () => {
  /** Probes a path, whose result has the code that a transport rejects with. */
  async function probedLikeConnect(at: string): ReturnType<typeof probed> {
    const probe = await probed([at]);
    expect(probe.result.code).toBe(await codeOf(new UnixSocketTransport().connect(`unix:${at}`, { waitMs: 0 })));
    return probe;
  }

  it('stale: the file stays', async () => {
    await staleSocketAt(path);
    const { exit, result } = await probedLikeConnect(path);
    expect(exit).toBe(1);
    expect(result).toMatchObject({ status: 'stale', code: 'CONNECTION_REFUSED', listeners: [] });
    expect(result.findings).toEqual([problem('nothing listens')]);
    expect(await readdir(directory)).toEqual(['p.sock']);
  });

  it('stale with a generated name: no listener replaces it, and it is not beside itself', async () => {
    const code = `
      import { UnixSocketTransport } from '@rpcplugin/transport-unix';
      console.log(await new UnixSocketTransport().listen());
    `;
    const killed = startProgram(script(import.meta.url, code), { env: { XDG_RUNTIME_DIR: directory } });
    await killed.printed(/\n/);
    await killed.kill();
    const [place = ''] = await readdir(directory);
    const [name = ''] = (await readdir(join(directory, place))).filter((each) => each.startsWith('plugin-'));
    const { result } = await probed([join(directory, place, name)]);
    expect(result).toMatchObject({ status: 'stale', leftovers: 0 });
    expect(result.findings).toEqual([problem('nothing listens')]);
    expect(result.findings[0]?.advice).toContain(`rpc-endpoint sweep ${join(directory, place)}`);
    expect(result.findings[0]?.advice).not.toContain('replaces');
  });

  it('missing', async () => {
    const { exit, result } = await probedLikeConnect(path);
    expect(exit).toBe(1);
    expect(result).toMatchObject({ status: 'missing', code: 'NOT_FOUND' });
    expect(result.findings).toEqual([problem('nothing exists at the path')]);
  });

  it('missing with its directory, which is named', async () => {
    const { result } = await probedLikeConnect(join(directory, 'a/b/p.sock'));
    expect(result.status).toBe('missing');
    expect(result.findings).toEqual([problem(`the directory ${directory}/a does not exist`)]);
  });

  it('too long', async () => {
    const { exit, result } = await probedLikeConnect(join(directory, 'p'.repeat(100)));
    expect(exit).toBe(1);
    expect(result).toMatchObject({ status: 'too-long', code: 'PATH_TOO_LONG' });
    expect(result.findings).toEqual([problem('and a socket path has at most 107')]);
  });

  it.each([
    { kind: 'regular file', make: (at: string) => writeFile(at, '') },
    { kind: 'directory', make: (at: string) => mkdir(at) },
    { kind: 'named pipe', make: (at: string) => run(['mkfifo', at]) },
  ])('a $kind', async ({ kind, make }) => {
    await make(path);
    const { exit, result } = await probedLikeConnect(path);
    expect(exit).toBe(1);
    expect(result).toMatchObject({ status: 'not-a-socket', code: 'NOT_A_SOCKET', file: { kind } });
    expect(result.findings).toEqual([problem(`a ${kind} is at the path`)]);
    expect(await readdir(directory)).toEqual(['p.sock']);
  });

  it('a socket of another type', async () => {
    const code = `
      import socket, sys, time
      s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
      s.bind(sys.argv[1])
      print('bound', flush=True)
      time.sleep(600)
    `.replaceAll('\n      ', '\n');
    await startProgram(['python3', '-c', code, path]).printed(/bound/);
    const { exit, result } = await probedLikeConnect(path);
    expect(exit).toBe(1);
    expect(result).toMatchObject({ status: 'not-a-socket', code: 'NOT_A_SOCKET', file: { kind: 'socket' } });
  });

  it('symbolic links in a circle', async () => {
    await symlink('b', join(directory, 'a'));
    await symlink('a', join(directory, 'b'));
    for (const at of ['a', 'a/p.sock']) {
      const { exit, result } = await probedLikeConnect(join(directory, at));
      expect(exit).toBe(1);
      expect(result.status).toBe('broken-link');
      expect(result.findings).toEqual([problem('symbolic links lead in a circle')]);
    }
  });

  it('a symbolic link to nothing, whose target cannot disturb the terminal', async () => {
    await symlink('no\u001b[2Jwhere', path);
    const { exit, result } = await probedLikeConnect(path);
    expect(exit).toBe(1);
    expect(result).toMatchObject({ status: 'broken-link', file: { linkTarget: 'no\u001b[2Jwhere' } });
    for (const args of [['probe'], ['probe', '--json']]) {
      const { stdout, stderr } = await rpcEndpoint([...args, path]);
      expect(stdout + stderr).toContain('[2Jwhere');
      expect(stdout + stderr).not.toContain('\u001b');
    }
  });

  it.runIf(isRoot)('a socket that this user may not connect to', async () => {
    await plainListener({ path });
    await chmod(path, 0o600);
    const { exit, result } = await probed([path], otherUser);
    expect(exit).toBe(1);
    expect(result).toMatchObject({ status: 'permission-denied', code: 'PERMISSION_DENIED', file: { mode: '0600' } });
    expect(result.findings).toEqual([problem('this user may not connect to the socket')]);
  });

  it.runIf(isRoot)('a directory that this user may not enter, which is named', async () => {
    await mkdir(join(directory, 'closed'), { mode: 0o700 });
    const { exit, result } = await probed([join(directory, 'closed/a/p.sock')], otherUser);
    expect(exit).toBe(1);
    expect(result).toMatchObject({ status: 'permission-denied', code: 'PERMISSION_DENIED' });
    expect(result.findings).toEqual([
      problem(`this user may not enter ${directory}/closed (directory, mode 0700, owner `),
    ]);
  });

  it.runIf(isRoot)('a symbolic link into such a directory', async () => {
    await mkdir(join(directory, 'closed'), { mode: 0o700 });
    await symlink('closed/p.sock', path);
    const { result } = await probed([path], otherUser);
    expect(result.status).toBe('permission-denied');
    expect(result.findings).toEqual([problem('this user may not follow the symbolic link to closed/p.sock')]);
  });

  it('a full backlog', async () => {
    await using transport = new UnixSocketTransport({ path, backlog: 1 });
    await transport.hold();
    const sockets = Array.from({ length: 4 }, () => connect(path).on('error', () => undefined));
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy();
    });
    const { exit, result } = await probed(['--timeout', '200', path]);
    expect(exit).toBe(1);
    expect(result).toMatchObject({ status: 'busy', code: 'TIMEOUT' });
    expect(result.findings).toEqual([problem('the backlog of the listener is full')]);
  });
});

it('the endpoint of a network that only its own transport knows is UNSUPPORTED', async () => {
  const { exit, error } = await failed(['probe', '1|1|pipe|/run/plugin|grpc']);
  expect(exit).toBe(1);
  expect(error).toMatchObject({ code: 'UNSUPPORTED' });
});
