// Servers that a probe may find.
import { createServer as createHttp1Server } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import type { Http2ServerResponse } from 'node:http2';
import { join } from 'node:path';
import { Server, ServerCredentials, status } from '@grpc/grpc-js';
import type { handleUnaryCall } from '@grpc/grpc-js';
import { freshDirectory, listening, makeIdentity, plainListener } from '@rpcplugin/test-support';
import { serveGrpc } from '@rpcplugin/transport-grpc';
import { UnixSocketTransport } from '@rpcplugin/transport-unix';
import { onTestFinished } from 'vitest';
import { healthService, UNKNOWN } from './health-service.js';

/** The number of the status of a service, or the status code of the call. */
export type Health = (service: string) => number | { code: number; details: string };

export const unknownService = { code: status.NOT_FOUND, details: 'unknown service' };

/** Serves gRPC on a unix socket, as a plugin does. Without `health`, it has no such service. */
export async function grpcServer(health?: Health, credentials = ServerCredentials.createInsecure()): Promise<string> {
  const server = new Server();
  const check: handleUnaryCall<Buffer, Buffer> = ({ request }, done) => {
    const answer = health?.(request.subarray(2).toString()) ?? UNKNOWN;
    if (typeof answer === 'number') done(null, Buffer.from(answer === UNKNOWN ? [] : [8, answer]));
    else done(answer);
  };
  if (health !== undefined) server.addService(healthService, { Check: check });
  const transport = new UnixSocketTransport({ path: await freshPath() });
  const listener = await serveGrpc(server, transport, credentials);
  onTestFinished(() => listener.close({ graceMs: 0 }));
  return listener.endpoint;
}

/** A path for a socket, in a directory that is removed after the test. */
export async function freshPath(): Promise<string> {
  return join(await freshDirectory(), 'p.sock');
}

/** Creates a certificate for a host. Returns the paths of it and its key. */
export async function certificateFiles(host = 'localhost'): Promise<{
  certificate: string;
  key: string;
  identity: { certificate: Buffer; key: Buffer };
}> {
  const directory = await freshDirectory();
  const identity = await makeIdentity(directory, host);
  return { certificate: join(directory, `${host}.crt`), key: join(directory, `${host}.key`), identity };
}

export async function http1Server(): Promise<string> {
  const path = await freshPath();
  const server = createHttp1Server((_, response) => response.end('hello'));
  await listening(server, { path });
  onTestFinished(() => void server.close());
  return path;
}

/** An HTTP/2 server, by default one that knows no path. */
export async function http2Server(onRequest?: (response: Http2ServerResponse) => void): Promise<string> {
  const path = await freshPath();
  const server = createHttp2Server((_, response) => {
    if (onRequest !== undefined) {
      onRequest(response);
      return;
    }
    response.statusCode = 404;
    response.end('not found');
  });
  await listening(server, { path });
  onTestFinished(() => void server.close());
  return path;
}

/** Accepts connections, and does nothing with them, or what `onConnection` does. */
export async function plainServer(onConnection?: Parameters<typeof plainListener>[1]): Promise<string> {
  const path = await freshPath();
  await plainListener({ path }, onConnection ?? ((socket) => socket.resume()));
  return path;
}
