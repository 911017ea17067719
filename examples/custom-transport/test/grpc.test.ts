import { join } from 'node:path';
import { connectivityState, credentials, makeGenericClientConstructor, Server, ServerCredentials } from '@grpc/grpc-js';
import type { Client, handleUnaryCall, requestCallback } from '@grpc/grpc-js';
import { freshDirectory } from '@rpcplugin/test-support';
import { connectGrpc, serveGrpc } from '@rpcplugin/transport-grpc';
import { expect, it, onTestFinished, vi } from 'vitest';
import { FifoTransport } from '../src/fifo-transport.js';

const asIs = (bytes: Buffer): Buffer => bytes;
const service = {
  echo: {
    path: '/test.Echo/Echo',
    requestStream: false,
    responseStream: false,
    requestSerialize: asIs,
    requestDeserialize: asIs,
    responseSerialize: asIs,
    responseDeserialize: asIs,
  },
};
type EchoClient = Client & { echo: (request: Buffer, done: requestCallback<Buffer>) => void };
const Echo = makeGenericClientConstructor(service, 'test.Echo') as unknown as new () => EchoClient;
const echo: handleUnaryCall<Buffer, Buffer> = ({ request }, done) => {
  done(null, request);
};

it('carries gRPC both ways, in messages of 32 MiB, and again after the plugin restarted', async () => {
  const path = join(await freshDirectory(), 'pipe');
  const server = new Server({ 'grpc.max_receive_message_length': -1 });
  server.addService(service, { echo });
  const serve = async (): ReturnType<typeof serveGrpc> => {
    const listener = await serveGrpc(server, new FifoTransport(path), ServerCredentials.createInsecure());
    onTestFinished(() => listener.close({ graceMs: 0 }));
    return listener;
  };
  const first = await serve();
  await using transport = new FifoTransport(`${path}.host`);
  await using connection = await connectGrpc(transport, first.endpoint, credentials.createInsecure());
  const client = connection.client(Echo);
  const ask = (request: Buffer): Promise<Buffer | undefined> =>
    new Promise((resolve, reject) => {
      client.echo(request, (error, answer) => {
        if (error === null) resolve(answer);
        else reject(error);
      });
    });
  const large = Buffer.alloc(32 * 1024 * 1024, 'named pipes');
  expect(large.equals((await ask(large)) ?? Buffer.alloc(0))).toBe(true);
  await first.close();
  await vi.waitFor(() => {
    expect(connection.channel.getConnectivityState(false)).toBe(connectivityState.IDLE);
  });
  await serve();
  expect(String(await ask(Buffer.from('again')))).toBe('again');
});
