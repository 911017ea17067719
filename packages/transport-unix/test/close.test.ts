import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { pathOf } from '@rpcplugin/test-support';
import { expect, it, onTestFinished } from 'vitest';
import { transport } from './support.js';

it('close ends a peer that does not read everything in time, since unix sockets have no reset', async () => {
  const accepted: Socket[] = [];
  const listener = transport();
  const endpoint = await listener.listen({
    onConnection: (socket) => {
      accepted.push(socket);
      // More than the buffers between both ends hold.
      socket.write(Buffer.alloc(16 * 2 ** 20));
    },
  });
  const peer = connect(pathOf(endpoint));
  onTestFinished(() => void peer.destroy());
  await once(peer, 'readable');
  await listener.close({ graceMs: 20 });
  expect(accepted.map(({ destroyed }) => destroyed)).toEqual([true]);
  const failed = once(peer, 'error');
  peer.write('more');
  expect(await failed).toMatchObject([{ code: 'EPIPE' }]);
});
