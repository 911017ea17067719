import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket, TcpNetConnectOpts } from 'node:net';
import { freePort, portOf, thrownBy } from '@rpcplugin/test-support';
import { expect, it } from 'vitest';
import { refuseSelfConnection } from '../src/dialer.js';
import { plainServer } from './support.js';

/** Makes connections until one finds its local port free, which another process may use by chance. */
async function connectedFromPort(options: () => Promise<TcpNetConnectOpts>): Promise<Socket> {
  for (;;) {
    const { port, ...rest } = await options();
    const socket = connect({ ...rest, port, localPort: port });
    try {
      await once(socket, 'connect');
      return socket;
    } catch (error) {
      expect(error).toMatchObject({ code: 'EADDRINUSE' });
    }
  }
}

it('rejects and destroys a socket that is connected to itself', async () => {
  const socket = await connectedFromPort(async () => ({ host: '127.0.0.1', port: await freePort() }));
  const port = Number(socket.localPort);
  const error = thrownBy(() => refuseSelfConnection(socket, port));
  expect(error).toMatchObject({ code: 'CONNECTION_REFUSED', message: expect.stringContaining('itself') as string });
  expect(socket.destroyed).toBe(true);
});

it('accepts a socket that is connected to a listener on the same machine', async () => {
  const port = portOf(await plainServer('127.0.0.1'));
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  expect(refuseSelfConnection(socket, port)).toBe(socket);
  socket.destroy();
});

// Only Linux assigns all of 127.0.0.0/8 to loopback.
it.runIf(process.platform === 'linux')('accepts the same port at another address', async () => {
  const socket = await connectedFromPort(async () => {
    const port = portOf(await plainServer('127.0.0.2'));
    return { host: '127.0.0.2', port, localAddress: '127.0.0.1' };
  });
  expect(refuseSelfConnection(socket, Number(socket.localPort))).toBe(socket);
  socket.destroy();
});

it('accepts a destroyed socket, which has no address any more', async () => {
  const port = portOf(await plainServer('127.0.0.1'));
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.destroy();
  expect(refuseSelfConnection(socket, port)).toBe(socket);
});
