import { Server } from '@grpc/grpc-js';
import type { EchoHandlers } from './generated/interop/Echo.js';
import { Echo } from './protos.js';

/** A server whose answer to any call is what it knows about the client: the peer of the call, and its `x-real-ip`. */
export function peerServer(): Server {
  const server = new Server();
  const handlers: EchoHandlers = {
    Echo: (call, callback) => {
      callback(null, { value: Buffer.from([call.getPeer(), ...call.metadata.get('x-real-ip')].join('\n')) });
    },
  };
  server.addService(Echo.service, handlers);
  return server;
}
