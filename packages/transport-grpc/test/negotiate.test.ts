import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { fromHandshakeAddress, toHandshakeAddress } from '@rpcplugin/endpoint-utils';
import { freshDirectory } from '@rpcplugin/test-support';
import { negotiateListener, negotiateTransport } from '@rpcplugin/transport-core';
import { tcpTransportFactory } from '@rpcplugin/transport-tcp';
import { MemoryTransport } from '@rpcplugin/transport-testkit';
import { unixTransportFactory } from '@rpcplugin/transport-unix';
import { expect, it } from 'vitest';
import { connectGrpc, serveGrpc } from '../src/index.js';
import { ask, Probe, ProbeServer } from './service.js';
import { insecure, insecureServer } from './support.js';

/** A network of a framework's own. */
const memoryFactory = { network: 'memory', isSupported: () => true, create: () => new MemoryTransport() };

it('negotiateListener serves gRPC on the first network that works', async () => {
  const file = join(await freshDirectory(), 'file');
  await writeFile(file, '');
  const factories = [unixTransportFactory({ path: join(file, 'p.sock') }), tcpTransportFactory()];
  const server = new Server();
  const listener = await negotiateListener(['unix', 'tcp'], factories, (transport) =>
    serveGrpc(server, transport, ServerCredentials.createInsecure()),
  );
  expect(listener.endpoint).toMatch(/^127\.0\.0\.1:\d+$/);
  await listener.close();
});

it.each(['memory', 'unix', 'tcp'])("the network in the handshake picks the host's transport: %s", async (offered) => {
  const factories = [memoryFactory, unixTransportFactory(), tcpTransportFactory()];
  const { server } = new ProbeServer('plugin');
  const listener = await negotiateListener([offered], factories, (transport) =>
    serveGrpc(server, transport, insecureServer),
  );
  const handshake = toHandshakeAddress(listener.endpoint, listener.network);

  const transport = negotiateTransport([handshake.network], factories);
  const connection = await connectGrpc(transport, fromHandshakeAddress(handshake), insecure);
  expect(transport.network).toBe(offered);
  expect(await ask(connection.client(Probe), 'echo', 'hello')).toBe('hello');
  await connection.close();
  await Promise.all([transport.close(), listener.close()]);
});
