import { once } from 'node:events';
import { Socket } from 'node:net';
import { ending, portOf } from '@rpcplugin/test-support';
import { expect, it, onTestFinished } from 'vitest';
import { plainServer, transport } from './support.js';

/** More than all buffers between two ends hold. */
const large = Buffer.alloc(16 * 2 ** 20);

/** A transport that listens, the connection that it accepted, and the plain peer at the other end. */
async function acceptedPair(): Promise<{ listener: ReturnType<typeof transport>; accepted: Socket; peer: Socket }> {
  const listener = transport();
  const accepting = new Promise<Socket>((resolve, reject) => {
    listener
      .listen({ onConnection: resolve })
      .then((endpoint) => {
        peer.connect({ host: '127.0.0.1', port: portOf(endpoint) });
      })
      .catch(reject);
  });
  const peer = new Socket();
  onTestFinished(() => void peer.destroy());
  return { listener, accepted: await accepting, peer };
}

it('close cuts off a connection in whose shutdown it is', async () => {
  const endpoint = `127.0.0.1:${portOf(await plainServer('127.0.0.1'))}`;
  const [first, second] = [transport(), transport()];
  await first.connect(endpoint);
  const socket = await second.connect(endpoint);
  await first.close({ graceMs: 0 });
  // What comes after a close comes before the event loop gets to the shutdown of the next, and the grace is over by then.
  const closing = second.close({ graceMs: 0 });
  for (const until = performance.now() + 3; performance.now() < until;);
  // `once` rejects with an error of the socket.
  await once(socket, 'close');
  await closing;
  expect(socket.destroyed).toBe(true);
});

it('close resets a peer that it cuts off before it got everything', async () => {
  const { listener, accepted, peer } = await acceptedPair();
  accepted.write(large);
  await listener.close({ graceMs: 20 });
  const ended = ending(peer);
  // By reading alone it would not know: libuv makes a reset that comes with unread input an end.
  peer.write('more');
  expect(await ended).toBe('ECONNRESET');
});

it('close discards unread input, and does not reset its sender', async () => {
  const { listener, accepted, peer } = await acceptedPair();
  peer.write(large);
  await once(accepted, 'readable');
  const ended = ending(peer.resume());
  await listener.close({ graceMs: 60_000 });
  expect(await ended).toBe('closed');
});
