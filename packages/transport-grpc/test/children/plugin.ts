// A plugin in its own process, which sends its endpoint once it listens. A mute one accepts connections and reports
// each to its parent, but never answers. Arguments: `serve` or `mute`, the endpoint to listen on and, for mutual TLS,
// the directories of its identity and its host's.
import { createServer } from 'node:net';
import { ServerCredentials } from '@grpc/grpc-js';
import { parseEndpoint } from '@rpcplugin/endpoint-utils';
import { portOf } from '@rpcplugin/test-support/process';
import { TCPSocketTransport } from '@rpcplugin/transport-tcp';
import { UnixSocketTransport } from '@rpcplugin/transport-unix';
import { serveGrpc } from '../../src/index.js';
import { readIdentity, serverTls } from '../certificates.js';
import { ProbeServer } from '../service.js';

const [how, endpoint = '', own, host] = process.argv.slice(2);
const address = parseEndpoint(endpoint);
process.on('disconnect', () => process.exit());

if (how === 'serve') {
  const probe = new ProbeServer('child');
  const transport = address.network === 'unix' ? new UnixSocketTransport(address) : new TCPSocketTransport(address);
  const credentials =
    own === undefined || host === undefined
      ? ServerCredentials.createInsecure()
      : serverTls(await readIdentity(own, 'localhost'), await readIdentity(host, 'localhost'));
  const listener = await serveGrpc(probe.server, transport, credentials);
  process.send?.(listener.endpoint);
} else {
  const server = createServer(() => process.send?.('connection'));
  server.listen(address, () => {
    process.send?.(address.network === 'unix' ? endpoint : `127.0.0.1:${portOf(server)}`);
  });
}
