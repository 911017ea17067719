import { once } from 'node:events';
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { chmod, lstat, readdir, readFile, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { dirname, join } from 'node:path';
import {
  anyRejectionOf,
  descriptorTargets,
  entriesOf,
  freshDirectory,
  rejectionOf,
  staleSocketAt,
  startProgram,
  turns,
} from '@rpcplugin/test-support';
import { Operation } from '@rpcplugin/transport-base';
import { TransportError } from '@rpcplugin/transport-core';
import type { TransportErrorCode } from '@rpcplugin/transport-core';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { Directory } from '../src/directory.js';
import { ownedName } from '../src/owner.js';
import { publish as publishBy } from '../src/publish.js';
import type { Method, Publication } from '../src/publish.js';
import { modeOf, nameOfGone, plainServer, saysHello, stagingName } from './support.js';

let directory: string;
let path: string;

beforeEach(async () => {
  directory = await freshDirectory();
  path = join(directory, 'p.sock');
});

/** A socket to publish at a path. Runs `meanwhile` right after the bind, with the path that was bound. */
function publication(meanwhile: (bound: string) => unknown = () => undefined, at = path): Publication {
  const server = createServer((socket) => socket.end('hello'));
  const opened = Directory.open(dirname(at));
  onTestFinished(() => {
    server.close();
    opened.close();
  });
  return {
    directory: opened,
    name: 'p.sock',
    isWellKnown: true,
    listenAt: async (address) => {
      server.listen({ path: address, exclusive: true });
      await once(server, 'listening');
      await meanwhile(address);
    },
    access: { mode: 0o604 },
    context: { operation: new Operation('test'), warn: () => undefined },
  };
}

function publish(publication: Publication): ReturnType<typeof publishBy> {
  return publishBy(publication, 'staged');
}

/** How many descriptors of the directory are open. */
function descriptors(): number {
  return descriptorTargets().filter((target) => target.startsWith(directory)).length;
}

describe.each<{ method: Method }>([{ method: 'staged' }, { method: 'beside' }, { method: 'bare' }])(
  '$method',
  ({ method }) => {
    const by = (publication: Publication): ReturnType<typeof publishBy> => publishBy(publication, method);

    it('publishes a socket with its mode and leaves nothing else', async () => {
      const { socket } = await by(publication());
      expect((await lstat(path, { bigint: true })).ino).toBe(socket.ino);
      expect(await modeOf(path)).toBe(0o604);
      expect(await saysHello(path)).toBe(true);
      expect(await readdir(directory)).toEqual(['p.sock']);
    });

    it('replaces a stale socket', async () => {
      await staleSocketAt(path);
      await chmod(path, 0o777);
      await by(publication());
      expect(await modeOf(path)).toBe(0o604);
      expect(await saysHello(path)).toBe(true);
      expect(await readdir(directory)).toEqual(['p.sock']);
    });

    it('rejects with ADDRESS_IN_USE and keeps a live socket', async () => {
      await plainServer(path);
      const { ino } = await lstat(path);
      const another = publication();
      const before = descriptors();
      expect((await rejectionOf(by(another))).code).toBe('ADDRESS_IN_USE');
      expect(descriptors()).toBe(before);
      expect((await lstat(path)).ino).toBe(ino);
      expect(await saysHello(path)).toBe(true);
      expect(await readdir(directory)).toEqual(['p.sock']);
    });
  },
);

describe('publish, while others change the directory', () => {
  it('rejects with ADDRESS_IN_USE and keeps a file that appears at the path', async () => {
    const publishing = publish(
      publication(() => {
        writeFileSync(path, 'content');
      }),
    );
    expect(await rejectionOf(publishing)).toMatchObject({
      code: 'ADDRESS_IN_USE',
      message: expect.stringContaining(path) as string,
      hint: expect.stringContaining('another path') as string,
      cause: { code: 'EEXIST' },
    });
    expect(await readFile(path, 'utf8')).toBe('content');
    expect(await readdir(directory)).toEqual(['p.sock']);
  });

  it.each<{ what: string; put: () => Promise<unknown>; code: TransportErrorCode }>([
    { what: 'a live socket', put: () => plainServer(path), code: 'ADDRESS_IN_USE' },
    { what: 'a file', put: () => writeFile(path, 'content'), code: 'NOT_A_SOCKET' },
  ])('rejects with $code and keeps $what that replaces a stale one', async ({ put, code }) => {
    await staleSocketAt(path);
    let ino = -1;
    const publishing = publish(
      publication(async () => {
        unlinkSync(path);
        await put();
        ({ ino } = await lstat(path));
      }),
    );
    expect((await rejectionOf(publishing)).code).toBe(code);
    expect((await lstat(path)).ino).toBe(ino);
    expect(await readdir(directory)).toEqual(['p.sock']);
  });

  it('publishes if a stale socket is removed', async () => {
    await staleSocketAt(path);
    await publish(
      publication(() => {
        unlinkSync(path);
      }),
    );
    expect(await saysHello(path)).toBe(true);
    expect(await readdir(directory)).toEqual(['p.sock']);
  });

  it('gives a socket its name back that looked stale and listens now', async () => {
    const bound = join(directory, 'bound');
    const program = startProgram(['perl', '-e', perlLateListener, bound, path]);
    await program.printed(/bound/);
    const before = await lstat(path);
    const publishing = publish(
      publication(async () => {
        program.process.stdin.write('\n');
        await program.printed(/listening/);
      }),
    );
    expect((await rejectionOf(publishing)).code).toBe('ADDRESS_IN_USE');
    expect((await lstat(path)).ino).toBe(before.ino);
    const socket = connect(path);
    await once(socket, 'connect');
    socket.destroy();
    expect(await readdir(directory)).toEqual(['bound', 'p.sock']);
  });

  it('reports ENOENT if the directory is removed', async () => {
    const elsewhere = await freshDirectory();
    const made = join(directory, 'made');
    mkdirSync(made);
    const publishing = publish(
      publication(
        () => {
          renameSync(join(made, stagingName), join(elsewhere, 'moved'));
          rmdirSync(made);
        },
        join(made, 'p.sock'),
      ),
    );
    expect(await anyRejectionOf(publishing)).toMatchObject({ code: 'ENOENT', syscall: 'link' });
    // Nothing is left in the staging directory, wherever it is now.
    expect(await entriesOf(elsewhere)).toEqual(['moved']);
  });

  it('reports ENOENT if the staging directory is removed before the bind', async () => {
    const bound = publication();
    const listenAt: Publication['listenAt'] = (address) => {
      rmdirSync(join(directory, stagingName));
      return bound.listenAt(address);
    };
    expect(await anyRejectionOf(publish({ ...bound, listenAt }))).toMatchObject({ code: 'ENOENT' });
    expect(await readdir(directory)).toEqual([]);
  });

  it('reports ENOENT if the socket is removed from the staging directory', async () => {
    const publishing = publish(publication(unlinkSync));
    expect(await anyRejectionOf(publishing)).toMatchObject({ code: 'ENOENT' });
    expect(await readdir(directory)).toEqual([]);
  });

  it('does not publish a socket if it was cancelled during the bind', async () => {
    const operation = new Operation('test');
    const reason = new TransportError('ABORTED', 'aborted by the test');
    const bound = publication(() => {
      operation.cancel(reason);
    });
    const publishing = publish({ ...bound, context: { ...bound.context, operation } });
    await expect(publishing).rejects.toBe(reason);
    expect(await readdir(directory)).toEqual([]);
  });

  it('reports the error of the bind rather than a later one', async () => {
    const reason = new Error('bind failed');
    const publishing = publish(
      publication(() => {
        rmSync(join(directory, stagingName), { recursive: true });
        throw reason;
      }),
    );
    await expect(publishing).rejects.toBe(reason);
    expect(await readdir(directory)).toEqual([]);
  });

  it.each([
    {
      what: 'a file',
      put: (name: string) => {
        writeFileSync(name, '');
      },
      stays: [stagingName],
    },
    {
      what: 'another directory',
      put: (name: string) => {
        mkdirSync(name);
      },
      stays: [stagingName],
    },
    { what: 'nothing', put: () => undefined, stays: [] },
  ])('removes no other file with $what in place of the staging directory', async ({ put, stays }) => {
    const staging = join(directory, stagingName);
    await publish(
      publication(() => {
        renameSync(staging, join(directory, 'moved'));
        put(staging);
      }),
    );
    expect(await saysHello(path)).toBe(true);
    expect(await entriesOf(directory)).toEqual([...stays, 'moved', 'p.sock']);
  });

  it('leaves a staging directory that another process uses', async () => {
    const left = nameOfGone('new');
    await publish(
      publication(() => {
        writeFileSync(join(directory, stagingName, left), '');
      }),
    );
    expect(readdirSync(join(directory, stagingName))).toEqual([left]);
  });
});

it.each([
  { at: 'the path', through: () => path },
  {
    at: 'the path through a symbolic link to the directory',
    through: () => {
      symlinkSync('.', join(directory, 'link'));
      return join(directory, 'link', 'p.sock');
    },
  },
])('waits to replace a stale socket at $at while another process holds its lock', async ({ through }) => {
  await staleSocketAt(path);
  const { ino } = lstatSync(path);
  const staging = join(directory, stagingName);
  mkdirSync(staging, { mode: 0o700 });
  const lock = join(staging, 'lock:p.sock');
  symlinkSync(ownedName('lock'), lock);
  let isPublished = false;
  const publishing = publish(publication(undefined, through())).finally(() => (isPublished = true));
  await turns(50);
  expect(isPublished).toBe(false);
  expect(lstatSync(path).ino).toBe(ino);
  unlinkSync(lock);
  await publishing;
  expect(await saysHello(path)).toBe(true);
});

it('does not wait for the lock of a free path', async () => {
  const staging = join(directory, stagingName);
  mkdirSync(staging, { mode: 0o700 });
  symlinkSync(ownedName('lock'), join(staging, 'lock:p.sock'));
  await publish(publication());
  expect(await saysHello(path)).toBe(true);
  expect(readdirSync(staging)).toEqual(['lock:p.sock']);
});

/** Binds a socket, gives it a second name, and listens only when asked to. */
const perlLateListener = `
  use Socket;
  $| = 1;
  socket(my $socket, AF_UNIX, SOCK_STREAM, 0) or die $!;
  bind($socket, pack_sockaddr_un($ARGV[0])) or die $!;
  link($ARGV[0], $ARGV[1]) or die $!;
  print "bound\\n";
  <STDIN>;
  listen($socket, 5) or die $!;
  print "listening\\n";
  <STDIN>;
`;
