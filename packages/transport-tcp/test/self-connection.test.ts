import { once } from 'node:events';
import { connect } from 'node:net';
import { freePort, portOf, thrownBy } from '@rpcplugin/test-support';
import { expect, it } from 'vitest';
import { refuseSelfConnection } from '../src/dialer.js';
import { plainServer } from './support.js';

it('rejects and destroys a socket that is connected to itself', { retry: 2 }, async () => {
  const port = await freePort();
  const socket = connect({ host: '127.0.0.1', port, localPort: port });
  await once(socket, 'connect');
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
it.runIf(process.platform === 'linux')('accepts the same port at another address', { retry: 2 }, async () => {
  const port = portOf(await plainServer('127.0.0.2'));
  const socket = connect({ host: '127.0.0.2', port, localAddress: '127.0.0.1', localPort: port });
  await once(socket, 'connect');
  expect(refuseSelfConnection(socket, port)).toBe(socket);
  socket.destroy();
});

it('accepts a destroyed socket, which has no address any more', async () => {
  const port = portOf(await plainServer('127.0.0.1'));
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.destroy();
  expect(refuseSelfConnection(socket, port)).toBe(socket);
});
