// A plugin in a process of its own. Sends its endpoint once it listens, and then the name of what has arrived.
import { createServer } from 'node:net';
import { ServerCredentials } from '@grpc/grpc-js';
import { parseEndpoint } from '@rpcplugin/endpoint-utils';
import { TCPSocketTransport } from '@rpcplugin/transport-tcp';
import { UnixSocketTransport } from '@rpcplugin/transport-unix';
import { serveGrpc } from '../../src/index.js';
import { ProbeServer } from '../service.js';

const [how, endpoint = ''] = process.argv.slice(2);
const address = parseEndpoint(endpoint);
process.on('disconnect', () => process.exit());

if (how === 'serve') {
  const probe = new ProbeServer('child');
  const transport = address.network === 'unix' ? new UnixSocketTransport(address) : new TCPSocketTransport(address);
  const listener = await serveGrpc(probe.server, transport, ServerCredentials.createInsecure());
  process.send?.(listener.endpoint);
  await probe.nextHanging();
  process.send?.('call');
} else {
  // Accepts, and says nothing.
  const server = createServer(() => process.send?.('connection'));
  server.listen(
    address.network === 'unix' ? { path: address.path } : { host: address.host, port: address.port },
    () => {
      const bound = server.address();
      process.send?.(bound === null || typeof bound === 'string' ? endpoint : `127.0.0.1:${bound.port}`);
    },
  );
}
