import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmod,
  chown,
  lstat,
  mkdir,
  open,
  readdir,
  readFile,
  readlink,
  symlink,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { freshDirectory, isRoot, otherUser, rejectionOf, staleSocketAt, startProgram } from '@rpcplugin/test-support';
import { socketPathLimitBytes } from '@rpcplugin/transport-base';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { plainServer, saysHello, startChild, transport } from './support.js';

/** A process of an unprivileged user. */
const unprivileged = isRoot ? await startChild({ ...otherUser, whenOver: afterAll }) : undefined;

const plainListener = `
  import { createServer } from 'node:net';
  createServer().listen(process.argv[1], () => console.log('listening'));
`;

/** Never accepts, and one connection fills its backlog. */
const perlBusyListener = `
  use Socket;
  $| = 1;
  socket(my $socket, AF_UNIX, SOCK_STREAM, 0) or die $!;
  bind($socket, pack_sockaddr_un($ARGV[0])) or die $!;
  listen($socket, 0) or die $!;
  print "listening\\n";
  <STDIN>;
`;

const perlDatagramSocket = `
  use Socket;
  $| = 1;
  socket(my $socket, AF_UNIX, SOCK_DGRAM, 0) or die $!;
  bind($socket, pack_sockaddr_un($ARGV[0])) or die $!;
  print "bound\\n";
  <STDIN>;
`;

describe('stale socket', () => {
  it('is replaced if a killed process left it', async () => {
    const directory = await freshDirectory();
    const path = join(directory, 'p.sock');
    const killed = startProgram([process.execPath, '--input-type=module', '-e', plainListener, path]);
    await killed.printed(/listening/);
    await killed.kill();
    const before = await inodeOf(path);
    const listener = transport({ path });
    const endpoint = await listener.listen({ onConnection: (socket) => void socket.end('anew') });
    expect(await inodeOf(path)).not.toBe(before);
    expect(await text(await transport().connect(endpoint))).toBe('anew');
    await listener.close();
    expect(await readdir(directory)).toEqual([]);
  });

  it('is replaced if a killed transport left it', async () => {
    const directory = await freshDirectory();
    const path = join(directory, 'p.sock');
    const killed = await startChild();
    await killed.ask({ do: 'listen', options: { path } });
    expect(await killed.kill()).toMatchObject({ status: 'SIGKILL' });
    expect(await readdir(directory)).toEqual(['p.sock']);
    const endpoint = await transport({ path }).listen();
    await transport().connect(endpoint);
    expect(await readdir(directory)).toEqual(['p.sock']);
  });

  it('is replaced by a socket with the requested mode', async () => {
    const directory = await freshDirectory();
    const path = join(directory, 'p.sock');
    await staleSocketAt(path);
    await chmod(path, 0o777);
    await transport({ path, mode: 0o600 }).listen();
    expect((await lstat(path)).mode & 0o777).toBe(0o600);
  });

  it('rejects connect with CONNECTION_REFUSED after waitMs', async () => {
    const path = join(await freshDirectory(), 'p.sock');
    await staleSocketAt(path);
    const error = await rejectionOf(transport().connect(`unix:${path}`, { waitMs: 50 }));
    expect(error).toMatchObject({ code: 'CONNECTION_REFUSED', endpoint: `unix:${path}` });
  });
});

describe('live socket', () => {
  it('rejects a second listener with ADDRESS_IN_USE and keeps answering', async () => {
    const directory = await freshDirectory();
    const path = join(directory, 'p.sock');
    await plainServer(path);
    const before = await inodeOf(path);
    const error = await rejectionOf(transport({ path }).listen());
    expect(error).toMatchObject({
      code: 'ADDRESS_IN_USE',
      endpoint: `unix:${path}`,
      hint: expect.stringMatching(/\S/) as string,
    });
    expect(error.message).toContain(path);
    expect(await inodeOf(path)).toBe(before);
    expect(await saysHello(path)).toBe(true);
    expect(await readdir(directory)).toEqual(['p.sock']);
  });

  it('rejects a second listener even if its full backlog refuses the probe (EAGAIN)', async () => {
    const path = join(await freshDirectory(), 'p.sock');
    await startProgram(['perl', '-e', perlBusyListener, path]).printed(/listening/);
    const waiting = connect(path);
    await once(waiting, 'connect');
    onTestFinished(() => void waiting.destroy());
    const before = await inodeOf(path);
    const error = await rejectionOf(transport({ path }).listen());
    expect(error).toMatchObject({ code: 'ADDRESS_IN_USE', cause: { code: 'EAGAIN' } });
    expect(await inodeOf(path)).toBe(before);
  });

  it('rejects a second transport in the same process and in another one', async () => {
    const directory = await freshDirectory();
    const path = join(directory, 'p.sock');
    const holder = transport({ path });
    const endpoint = await holder.listen({ onConnection: (socket) => void socket.end('first') });
    expect((await rejectionOf(transport({ path }).listen())).code).toBe('ADDRESS_IN_USE');
    const child = await startChild();
    expect((await child.ask({ do: 'listen', options: { path } })).error?.code).toBe('ADDRESS_IN_USE');
    expect(await text(await transport().connect(endpoint))).toBe('first');
    await holder.close();
    expect(await readdir(directory)).toEqual([]);
  });

  it.runIf(isRoot)('rejects a user who cannot probe it with PERMISSION_DENIED and keeps answering', async () => {
    const directory = await freshDirectory(0o777);
    const path = join(directory, 'p.sock');
    await plainServer(path);
    await chmod(path, 0o600);
    const reply = await unprivileged?.ask({ do: 'listen', options: { path } });
    expect(reply?.error).toMatchObject({ code: 'PERMISSION_DENIED', endpoint: `unix:${path}` });
    expect(reply?.error?.hint).toContain('not touched');
    expect(await saysHello(path)).toBe(true);
    expect(await readdir(directory)).toEqual(['p.sock']);
  });
});

describe('listen on an existing file, which stays untouched', () => {
  async function expectUntouched(path: string, kind: string, connectCode: string): Promise<void> {
    const before = await lstat(path, { bigint: true });
    const error = await rejectionOf(transport({ path }).listen());
    expect(error).toMatchObject({
      code: 'NOT_A_SOCKET',
      endpoint: `unix:${path}`,
      hint: expect.stringContaining('not touched') as string,
    });
    expect(error.message).toContain(kind);
    expect(error.message).toContain(path);
    expect(await rejectionOf(transport().connect(`unix:${path}`, { waitMs: 20 }))).toMatchObject({
      code: connectCode,
      endpoint: `unix:${path}`,
      hint: expect.stringMatching(/\S/) as string,
    });
    // Reading changes the access time.
    const after = await lstat(path, { bigint: true });
    expect({ ...after, atimeNs: 0, atimeMs: 0, atime: 0 }).toEqual({ ...before, atimeNs: 0, atimeMs: 0, atime: 0 });
    expect(await readdir(join(path, '..'))).toContain('p.sock');
  }

  it('rejects a regular file with NOT_A_SOCKET', async () => {
    const directory = await freshDirectory();
    const path = join(directory, 'p.sock');
    await writeFile(path, 'content');
    await expectUntouched(path, 'a regular file', 'NOT_A_SOCKET');
    expect(await readFile(path, 'utf8')).toBe('content');
    expect(await readdir(directory)).toEqual(['p.sock']);
  });

  it('rejects an empty file with NOT_A_SOCKET', async () => {
    const path = join(await freshDirectory(), 'p.sock');
    await writeFile(path, '');
    await expectUntouched(path, 'a regular file', 'NOT_A_SOCKET');
  });

  it('rejects a directory with NOT_A_SOCKET', async () => {
    const path = join(await freshDirectory(), 'p.sock');
    await mkdir(path);
    await expectUntouched(path, 'a directory', 'NOT_A_SOCKET');
  });

  it('rejects a dangling symbolic link with NOT_A_SOCKET', async () => {
    const directory = await freshDirectory();
    const path = join(directory, 'p.sock');
    await symlink('nothing', path);
    await expectUntouched(path, 'a symbolic link', 'NOT_FOUND');
    expect(await readlink(path)).toBe('nothing');
    expect(await readdir(directory)).toEqual(['p.sock']);
  });

  it('rejects a symbolic link to a file with NOT_A_SOCKET', async () => {
    const directory = await freshDirectory();
    const path = join(directory, 'p.sock');
    await writeFile(join(directory, 'file'), 'content');
    await symlink('file', path);
    await expectUntouched(path, 'a symbolic link', 'NOT_A_SOCKET');
    expect(await readFile(join(directory, 'file'), 'utf8')).toBe('content');
  });

  it('rejects a symbolic link to a stale socket with NOT_A_SOCKET', async () => {
    const directory = await freshDirectory();
    const path = join(directory, 'p.sock');
    await staleSocketAt(join(directory, 'stale'));
    await symlink('stale', path);
    await expectUntouched(path, 'a symbolic link', 'CONNECTION_REFUSED');
    expect((await lstat(join(directory, 'stale'))).isSocket()).toBe(true);
  });

  it('rejects a symbolic link to a live socket with NOT_A_SOCKET, though connect follows it', async () => {
    const directory = await freshDirectory();
    const path = join(directory, 'p.sock');
    await plainServer(join(directory, 'live'));
    await symlink('live', path);
    const error = await rejectionOf(transport({ path }).listen());
    expect(error).toMatchObject({ code: 'NOT_A_SOCKET', message: expect.stringContaining('symbolic') as string });
    expect(await text(await transport().connect(`unix:${path}`))).toBe('hello');
    expect(await readdir(directory)).toEqual(['live', 'p.sock']);
  });

  it('rejects a named pipe with NOT_A_SOCKET', async () => {
    const path = join(await freshDirectory(), 'p.sock');
    execFileSync('mkfifo', [path]);
    await expectUntouched(path, 'a named pipe', 'NOT_A_SOCKET');
  });

  it('rejects a datagram socket with NOT_A_SOCKET', async () => {
    const path = join(await freshDirectory(), 'p.sock');
    await startProgram(['perl', '-e', perlDatagramSocket, path]).printed(/bound/);
    await expectUntouched(path, 'a socket of another type', 'NOT_A_SOCKET');
  });
});

describe('connect', () => {
  it('rejects a missing file with NOT_FOUND after waitMs', async () => {
    const path = join(await freshDirectory(), 'p.sock');
    const started = performance.now();
    const error = await rejectionOf(transport().connect(`unix:${path}`, { waitMs: 100 }));
    expect(performance.now() - started).toBeGreaterThanOrEqual(100);
    expect(error).toMatchObject({
      code: 'NOT_FOUND',
      endpoint: `unix:${path}`,
      hint: expect.stringContaining('waitMs') as string,
    });
    expect(error.message).toContain(path);
  });

  it('rejects a path below a file with NOT_FOUND', async () => {
    const path = join(await freshDirectory(), 'file');
    await writeFile(path, '');
    expect((await rejectionOf(transport().connect(`unix:${path}/p.sock`, { waitMs: 0 }))).code).toBe('NOT_FOUND');
  });

  it('rejects a regular file without waiting', async () => {
    const path = join(await freshDirectory(), 'p.sock');
    await writeFile(path, '');
    const error = await rejectionOf(transport().connect(`unix:${path}`, { waitMs: 60_000, timeoutMs: 60_000 }));
    expect(error.code).toBe('NOT_A_SOCKET');
  });

  it.each(['127.0.0.1:1', 'tcp://localhost:1', '[::1]:1'])(
    'rejects %s with INVALID_ENDPOINT and suggests the TCP transport',
    async (text) => {
      const error = await rejectionOf(transport().connect(text));
      expect(error).toMatchObject({ code: 'INVALID_ENDPOINT', endpoint: text });
      expect(error.hint).toContain('@rpcplugin/transport-tcp');
    },
  );

  it.each([
    ['', /empty/],
    ['unix:', /empty/],
    ['unix:/run/', /directory/],
    ['unix:/run/\0', /control/],
    ['unix-abstract:name', /abstract/],
    ['p.sock', /port/],
    [undefined, /string/],
    [null, /string/],
    [{ path: '/run/p.sock' }, /string/],
  ])('rejects %j with INVALID_ENDPOINT and says why', async (endpoint, reason) => {
    const error = await rejectionOf(transport().connect(endpoint as string));
    expect(error.code).toBe('INVALID_ENDPOINT');
    expect(error.hint).toMatch(reason);
  });

  it.each([
    (path: string) => `unix:${path}`,
    (path: string) => `unix://${path}`,
    (path: string) => `unix:/${path}`,
    (path: string) => `unix:///${path}`,
    (path: string) => path,
  ])('accepts every form of an endpoint: %s', async (form) => {
    const path = join(await freshDirectory(), 'p.sock');
    await plainServer(path);
    const client = transport();
    await client.connect(form(path));
    expect(client.endpoint).toBe(`unix:${path}`);
  });
});

describe.runIf(isRoot)('missing permissions on a directory', () => {
  it('reject listen and connect with PERMISSION_DENIED, and leave nothing behind', async () => {
    const directory = await freshDirectory(0o755);
    for (const path of [join(directory, 'p.sock'), join(directory, 'a/b/p.sock')]) {
      const reply = await unprivileged?.ask({ do: 'listen', options: { path } });
      expect(reply?.error).toMatchObject({ code: 'PERMISSION_DENIED' });
      expect(reply?.error?.hint).toContain('permissions');
      expect(reply?.error?.message).toContain(directory);
      expect(reply?.error?.message).not.toContain('/proc/self/fd');
      expect(await readdir(directory)).toEqual([]);
    }
    await chmod(directory, 0o700);
    const reply = await unprivileged?.ask({ do: 'listen', options: { directory } });
    expect(reply?.error?.code).toBe('PERMISSION_DENIED');
    const connecting = await unprivileged?.ask({ do: 'connect', endpoint: `unix:${directory}/p.sock` });
    expect(connecting?.error).toMatchObject({ code: 'PERMISSION_DENIED', endpoint: `unix:${directory}/p.sock` });
  });

  it('do not prevent listen if only the read permission is missing', async () => {
    const directory = await freshDirectory(0o300);
    await chown(directory, otherUser.uid, otherUser.gid);
    const path = join(directory, 'p.sock');
    expect(await unprivileged?.ask({ do: 'listen', options: { path } })).toMatchObject({ endpoint: `unix:${path}` });
    expect(await readdir(directory)).toEqual(['p.sock']);
    expect(await unprivileged?.ask({ do: 'close' })).toEqual({});
    expect(await readdir(directory)).toEqual([]);
  });

  it('reject close with PERMISSION_DENIED if the socket cannot be removed', async () => {
    const directory = await freshDirectory();
    await chown(directory, otherUser.uid, otherUser.gid);
    await unprivileged?.ask({ do: 'listen', options: { path: join(directory, 'p.sock') } });
    await chmod(directory, 0o555);
    const reply = await unprivileged?.ask({ do: 'close' });
    expect(reply?.error?.code).toBe('PERMISSION_DENIED');
    expect(await readdir(directory)).toEqual(['p.sock']);
    // The socket refuses connections even so.
    const connecting = rejectionOf(transport().connect(`unix:${directory}/p.sock`, { waitMs: 0 }));
    expect((await connecting).code).toBe('CONNECTION_REFUSED');
  });
});

it('close removes no other file at the path that the socket was bound to', async () => {
  const [directory, other] = [await freshDirectory(), await freshDirectory()];
  // A path at the length limit is bound through a file descriptor, whose number another file can get later.
  const path = join(directory, 'x'.repeat(socketPathLimitBytes - Buffer.byteLength(directory) - 1));
  const listener = transport({ path });
  await listener.listen();
  await writeFile(join(other, 's'), 'content');
  const handles = await Promise.all(Array.from({ length: 20 }, () => open(other)));
  await listener.close();
  await Promise.all(handles.map((handle) => handle.close()));
  expect(await readFile(join(other, 's'), 'utf8')).toBe('content');
});

describe('close without its own socket at the path', () => {
  it('keeps a file there', async () => {
    const directory = await freshDirectory();
    const path = join(directory, 'p.sock');
    const listener = transport({ path });
    await listener.listen();
    await unlink(path);
    await writeFile(path, 'content');
    await listener.close();
    expect(await readFile(path, 'utf8')).toBe('content');
    expect(await readdir(directory)).toEqual(['p.sock']);
  });

  it('keeps another listener there, without even moving it', async () => {
    const path = join(await freshDirectory(), 'p.sock');
    const listener = transport({ path });
    await listener.listen();
    await unlink(path);
    await plainServer(path);
    const { ctimeNs } = await lstat(path, { bigint: true });
    await listener.close();
    expect(await saysHello(path)).toBe(true);
    expect((await lstat(path, { bigint: true })).ctimeNs).toBe(ctimeNs);
  });

  it('keeps another transport there', async () => {
    const path = join(await freshDirectory(), 'p.sock');
    const first = transport({ path });
    await first.listen();
    await unlink(path);
    const endpoint = await transport({ path }).listen({ onConnection: (socket) => void socket.end('second') });
    await first.close();
    expect(await text(await transport().connect(endpoint))).toBe('second');
  });

  it('succeeds if nothing is there', async () => {
    const path = join(await freshDirectory(), 'p.sock');
    const listener = transport({ path });
    await listener.listen();
    await unlink(path);
    await listener.close();
  });
});

async function inodeOf(path: string): Promise<bigint> {
  return (await lstat(path, { bigint: true })).ino;
}
