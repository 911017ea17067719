import { Server } from '@grpc/grpc-js';
import type { ClientUnaryCall, ServiceError } from '@grpc/grpc-js';
import type { GrpcConnection } from '@rpcplugin/transport-grpc';
import type { EchoHandlers } from './generated/interop/Echo.js';
import { Echo } from './protos.js';

/** @param onCall - Called after each answer. */
export function echoHandlers(onCall?: () => void): EchoHandlers {
  return {
    Echo: ({ request }, callback) => {
      callback(null, request);
      onCall?.();
    },
  };
}

export function echoServer(onCall?: () => void): Server {
  const server = new Server();
  server.addService(Echo.service, echoHandlers(onCall));
  return server;
}

/** Calls the Echo service at the other end of a connection. */
export async function echo(connection: GrpcConnection, value: Buffer): Promise<Buffer> {
  const client = connection.client(Echo);
  return (await answerOf<{ value: Buffer }>((done) => client.Echo({ value }, done))).value;
}

/** Makes a unary call and resolves with its answer. */
export function answerOf<T>(
  call: (done: (error: ServiceError | null, answer?: T) => void) => ClientUnaryCall,
): Promise<T> {
  return new Promise((resolve, reject) => {
    call((error, answer) => {
      if (answer === undefined) reject(error ?? new Error('neither an answer nor an error'));
      else resolve(answer);
    });
  });
}
