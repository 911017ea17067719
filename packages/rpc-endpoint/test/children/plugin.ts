// A plugin whose gRPC is healthy, at the path of its argument.
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { serveGrpc } from '@rpcplugin/transport-grpc';
import { UnixSocketTransport } from '@rpcplugin/transport-unix';
import { healthService, SERVING } from '../health-service.js';

const server = new Server();
server.addService(healthService, {
  Check: (_: unknown, done: (error: null, answer: Buffer) => void) => {
    done(null, Buffer.from([8, SERVING]));
  },
});
const transport = new UnixSocketTransport({ path: process.argv[2] });
const { endpoint } = await serveGrpc(server, transport, ServerCredentials.createInsecure());
console.log(endpoint);
