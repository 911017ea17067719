import { once } from 'node:events';
import { expect, it } from 'vitest';
import { plainServer, portOf, transport } from './support.js';

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
