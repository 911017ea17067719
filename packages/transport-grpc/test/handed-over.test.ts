import { once } from 'node:events';
import { Socket } from 'node:net';
import { startChild, whenAllAreOver } from '@rpcplugin/test-support';
import type { Child } from '@rpcplugin/test-support';
import type { Transport } from '@rpcplugin/transport-core';
import { beforeAll, expect, it } from 'vitest';
import { ask, Probe } from './service.js';
import { childCommand, connected, networks, plainConnection, transportOf } from './support.js';

const whenOver = whenAllAreOver();
let child: Child;
beforeAll(async () => {
  child = startChild(childCommand('serves-handed-over.ts'), { whenOver });
  await child.message();
});

/** A transport that hands its connections to a process, which serves gRPC on them. */
async function handingOver(network: (typeof networks)[number]): Promise<{ transport: Transport; endpoint: string }> {
  const transport = await transportOf(network);
  const endpoint = await transport.listen({
    onConnection: (socket) => socket instanceof Socket && child.process.send('serve', socket),
    pauseOnConnect: true,
  });
  return { transport, endpoint };
}

it.each(networks)('a process serves gRPC on %s connections that its parent hands to it', async (network) => {
  const { transport, endpoint } = await handingOver(network);
  const client = (await connected(endpoint)).client(Probe);
  expect(await ask(client, 'echo', 'hello')).toBe('hello');
  await transport.close({ graceMs: Infinity });
  expect(await ask(client, 'echo', 'still there')).toBe('still there');
});

it('handshakeTimeoutMs of the process that serves closes a silent peer, whose connection was handed over', async () => {
  const { endpoint } = await handingOver('unix');
  const peer = await plainConnection(endpoint);
  await expect(once(peer.resume(), 'close')).resolves.toBeDefined();
});
