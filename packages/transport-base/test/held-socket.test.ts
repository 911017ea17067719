// What `hold` stands on in Node, which is not documented. Runtimes without it refuse.
import { once } from 'node:events';
import { connect } from 'node:net';
import type { NetConnectOpts, Socket } from 'node:net';
import { codeOf, hasIPv6, plainListener, portOf, Program, run, script, turns } from '@rpcplugin/test-support';
import { describe, expect, it, onTestFinished } from 'vitest';
import { holdSocket } from '../src/held-socket.js';
import type { ListenAddress } from '../src/index.js';
import { freshPath } from './support.js';

const addresses: readonly (readonly [string, () => Promise<ListenAddress>])[] = [
  ['a path', async () => ({ path: await freshPath() })],
  ['IPv4', () => Promise.resolve({ host: '127.0.0.1', port: 0 })],
  ['IPv6', () => Promise.resolve({ host: '::1', port: 0 })],
];

/** Holds a socket until the end of the test. */
function hold(address: ListenAddress, backlog?: number): ReturnType<typeof holdSocket> {
  const held = holdSocket(address, backlog);
  onTestFinished(held.close);
  return held;
}

function dial({ address }: ReturnType<typeof holdSocket>): Socket {
  const at: NetConnectOpts =
    typeof address === 'string' ? { path: address } : { host: address.address, port: address.port };
  const socket = connect(at);
  onTestFinished(() => void socket.destroy());
  return socket;
}

/** A plain server of Node's in another process, which answers each connection. */
async function startServer(fd: number): Promise<void> {
  const code = `
    import { createServer } from 'node:net';
    createServer((socket) => socket.end('server')).listen({ fd: 3 }, () => console.log('listening'));
  `;
  await new Program(script(import.meta.url, code), {}, ['pipe', 'pipe', 'pipe', fd]).printed(/listening/);
}

describe.each(addresses.filter(([name]) => hasIPv6 || name !== 'IPv6'))('a held socket, at %s,', (_, address) => {
  it('listens, and leaves its connections to another process', async () => {
    const held = hold(await address());
    const sockets = Array.from({ length: 20 }, () => dial(held));
    await Promise.all(sockets.map((socket) => once(socket, 'connect')));
    // Of its own accord, this process would accept them by now.
    await turns(50);
    await startServer(held.fd);
    const answers = await Promise.all(sockets.map(async (socket) => String((await once(socket, 'data'))[0])));
    expect(new Set(answers)).toEqual(new Set(['server']));
  });

  it('is closed at once', async () => {
    const held = hold(await address());
    held.close();
    expect(await codeOf(once(dial(held), 'connect'))).toMatch(/ENOENT|ECONNREFUSED/);
  });
});

it('a held socket has the backlog that it was given', async () => {
  const held = hold({ path: await freshPath() }, 1);
  // A queue of 1 holds 2 connections, see listen(2).
  const sockets = [dial(held), dial(held)];
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  expect(await codeOf(once(dial(held), 'connect'))).toBe('EAGAIN');
});

it('the error for an address that is taken is that of the system', async () => {
  const server = await plainListener({ host: '127.0.0.1', port: 0 });
  const held = (): unknown => holdSocket({ host: '127.0.0.1', port: portOf(server) });
  expect(held).toThrow(expect.objectContaining({ code: 'EADDRINUSE', syscall: 'listen' }) as Error);
  const path = await freshPath();
  await plainListener({ path });
  expect(() => holdSocket({ path })).toThrow(expect.objectContaining({ code: 'EADDRINUSE' }) as Error);
});

describe('where Node lacks what it stands on, holding is UNSUPPORTED, and nothing stays open:', () => {
  it.each(['_createServerHandle', 'fd', 'open', 'listen', 'readStart', 'readStop'])('%s', async (what) => {
    const code = `
      import { createRequire, syncBuiltinESMExports } from 'node:module';
      import { openDescriptors, socketsSince, thrownBy } from '@rpcplugin/test-support/process';
      import { holdSocket } from '../src/held-socket.js';

      const [, , what = ''] = process.argv;
      const net = createRequire(import.meta.url)('node:net');
      const create = net._createServerHandle;
      const without = (...args) => Object.defineProperty(create(...args), what, { value: undefined });
      net._createServerHandle = what === '_createServerHandle' ? undefined : without;
      syncBuiltinESMExports();

      const before = openDescriptors();
      const { code, hint } = thrownBy(() => holdSocket({ host: '127.0.0.1', port: 0 }));
      console.log(code, typeof hint, socketsSince(before).length);
    `;
    expect(await run(script(import.meta.url, code, what))).toMatchObject({
      stdout: 'UNSUPPORTED string 0\n',
      stderr: '',
    });
  });
});
