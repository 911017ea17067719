import { once } from 'node:events';
import { Socket } from 'node:net';
import { ending, portOf, settlesWithin } from '@rpcplugin/test-support';
import { expect, it, onTestFinished } from 'vitest';
import { TCPSocketTransport } from '../src/index.js';
import { plainServer, transport } from './support.js';

/** More than the buffers between both ends hold. */
const large = Buffer.alloc(16 * 2 ** 20);

/** A listening transport, a connection that it accepted, and the plain socket at the other end. */
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

it('a cut-off waits for a shutdown that is in progress', async () => {
  class Exposed extends TCPSocketTransport {
    override cutOff(socket: Socket): void {
      super.cutOff(socket);
    }
  }
  const transport = new Exposed();
  const socket = await transport.connect(`127.0.0.1:${portOf(await plainServer('127.0.0.1'))}`);
  const ended = ending(socket);
  socket.end();
  await new Promise<void>((resolve) => {
    process.nextTick(resolve);
  });
  transport.cutOff(socket);
  expect(await settlesWithin(4000, ended)).toBe(true);
  expect(await ended).toBe('closed');
});

it('close resets a peer that does not read everything within the grace period', async () => {
  const { listener, accepted, peer } = await acceptedPair();
  accepted.write(large);
  await listener.close({ graceMs: 20 });
  // Only a write shows the reset: libuv reports a reset that arrives with unread input as an end.
  const failure = await new Promise((resolve) => peer.on('error', () => undefined).write('more', resolve));
  expect(failure).toMatchObject({ code: 'ECONNRESET' });
});

it('close discards unread input without resetting the sender', async () => {
  const { listener, accepted, peer } = await acceptedPair();
  peer.write(large);
  await once(accepted, 'readable');
  const ended = ending(peer.resume());
  await listener.close({ graceMs: 60_000 });
  expect(await ended).toBe('closed');
});
