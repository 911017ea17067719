import { lstat } from 'node:fs/promises';
import { connect } from 'node:net';
import { basename, join } from 'node:path';
import { freshDirectory, rejectionOf, staleSocketAt, startProgram } from '@rpcplugin/test-support';
import { beforeEach, describe, expect, it } from 'vitest';
import { assertStale, boundSockets, isStaleSocket } from '../src/stale-socket.js';
import { plainServer } from './support.js';

it('knows a stale socket', async () => {
  const path = join(await freshDirectory(), 's');
  expect(await isStaleSocket(path, path)).toBe(false);
  await staleSocketAt(path);
  expect(await isStaleSocket(path, path)).toBe(true);
  expect(await isStaleSocket(join(path, 'below'), join(path, 'below'))).toBe(false);
});

it('knows a live socket', async () => {
  const path = join(await freshDirectory(), 's');
  await plainServer(path);
  expect(await isStaleSocket(path, path)).toBe(false);
});

it('names a device in its NOT_A_SOCKET error', async () => {
  const stats = await lstat('/dev/null', { bigint: true });
  const error = await rejectionOf(assertStale(stats, '/dev/null', '/dev/null'));
  expect(error).toMatchObject({ code: 'NOT_A_SOCKET', message: expect.stringContaining('a device') as string });
});

it('does not take a socket for stale whose process is about to listen', async () => {
  const directory = await freshDirectory();
  const path = join(directory, 's');
  await bindWithoutListening(directory, path);
  const message = expect.stringContaining('about to listen') as string;
  const error = await rejectionOf(assertStale(await lstat(path, { bigint: true }), path, path));
  expect(error).toMatchObject({ code: 'ADDRESS_IN_USE', message });
});

describe('boundSockets', () => {
  let directory: string;

  beforeEach(async () => {
    directory = await freshDirectory();
  });

  it('knows a socket that listens, until it is closed', async () => {
    const path = join(directory, 's');
    const server = await plainServer(path);
    expect(boundSockets(path)).toEqual([{ isListening: true }]);
    await new Promise((resolve) => server.close(resolve));
    expect(boundSockets(path)).toEqual([]);
  });

  it('knows a socket that is bound but does not listen, by an absolute or a relative path', async () => {
    for (const bound of [join(directory, 's'), './s2', 's3']) {
      const path = join(directory, basename(bound));
      await bindWithoutListening(directory, bound);
      expect(boundSockets(path)).toEqual([{ isListening: false }]);
    }
  });

  it('knows all sockets that may have the path', async () => {
    await bindWithoutListening(directory, 's');
    await bindWithoutListening(await freshDirectory(), 's');
    const path = join(directory, 's');
    expect(boundSockets(path)).toEqual([{ isListening: false }, { isListening: false }]);
  });

  it('knows nothing of other paths, of connections and of datagram sockets', async () => {
    const path = join(directory, 's');
    await plainServer(path);
    connect(path).on('error', () => undefined);
    await bindWithoutListening(directory, 'd', 'SOCK_DGRAM');
    expect(boundSockets(path)).toEqual([{ isListening: true }]);
    expect(boundSockets(join(directory, 'd'))).toEqual([]);
    for (const other of [`${path}s`, directory, join(await freshDirectory(), 's')]) {
      expect(boundSockets(other)).toEqual([]);
    }
  });
});

/** Binds a socket in another process, which then stays. */
async function bindWithoutListening(cwd: string, path: string, type = 'SOCK_STREAM'): Promise<void> {
  const code = `use Socket; $| = 1; socket(S, AF_UNIX, ${type}, 0); bind(S, pack_sockaddr_un($ARGV[0])) or die $!;
    print "bound\\n"; sleep`;
  await startProgram(['perl', '-e', code, path], { cwd }).printed(/^bound$/m);
}
