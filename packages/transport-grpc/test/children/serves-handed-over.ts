// Serves gRPC on the sockets that its parent hands to it.
import { ServerCredentials } from '@grpc/grpc-js';
import { Socket } from 'node:net';
import { StreamTransport } from '@rpcplugin/transport-base';
import type { Listener } from '@rpcplugin/transport-base';
import { TransportError } from '@rpcplugin/transport-core';
import { serveGrpc } from '../../src/index.js';
import { ProbeServer } from '../service.js';

class HandedOverTransport extends StreamTransport {
  constructor() {
    super('handed-over');
  }

  protected override listener(): Listener {
    return {
      open: ({ accept, defer }) => {
        const onMessage = (_message: unknown, socket: unknown): void => {
          if (socket instanceof Socket) accept(socket);
        };
        process.on('message', onMessage);
        defer(() => void process.off('message', onMessage));
        return Promise.resolve('handed-over:');
      },
    };
  }

  protected override dialer(endpoint: string): never {
    throw new TransportError('INVALID_ENDPOINT', `nothing can be dialled, not ${endpoint}`);
  }
}

process.on('disconnect', () => process.exit());
const { server } = new ProbeServer('child');
await serveGrpc(server, new HandedOverTransport(), ServerCredentials.createInsecure(), { handshakeTimeoutMs: 300 });
process.send?.('ready');
