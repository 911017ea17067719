import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { freshDirectory } from '@rpcplugin/test-support';
import { negotiateListener } from '@rpcplugin/transport-core';
import { tcpTransportFactory } from '@rpcplugin/transport-tcp';
import { unixTransportFactory } from '@rpcplugin/transport-unix';
import { expect, it } from 'vitest';
import { serveGrpc } from '../src/index.js';

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
