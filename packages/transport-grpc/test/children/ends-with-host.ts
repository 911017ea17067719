// A plugin that ends when its last host has left. Sends its endpoint once it listens.
import { ServerCredentials } from '@grpc/grpc-js';
import { UnixSocketTransport } from '@rpcplugin/transport-unix';
import { serveGrpc } from '../../src/index.js';
import { ProbeServer } from '../service.js';

const { server } = new ProbeServer('child');
const listener = await serveGrpc(server, new UnixSocketTransport(), ServerCredentials.createInsecure());
listener.onDisconnect((connections) => connections === 0 && void listener.close());
process.send?.(listener.endpoint, () => {
  process.disconnect();
});
