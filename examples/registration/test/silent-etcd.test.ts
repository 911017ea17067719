import { once } from 'node:events';
import { createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { Client, credentials, status } from '@grpc/grpc-js';
import type { ServiceError } from '@grpc/grpc-js';
import { Etcd3 } from 'etcd3';
import { expect, it, onTestFinished } from 'vitest';
import { registerEtcdResolver } from '../src/resolver.js';

it('a host learns that etcd does not answer', async () => {
  // Accepts calls and leaves them alone.
  const server = createServer().listen(0, '127.0.0.1');
  const sessions: { destroy(): void }[] = [];
  server.on('session', (session) => sessions.push(session));
  onTestFinished(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  await once(server, 'listening');
  const etcd = new Etcd3({ hosts: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
  registerEtcdResolver(etcd);
  const client = new Client('etcd:///kv', credentials.createInsecure());
  onTestFinished(() => {
    client.close();
    etcd.close();
  });
  const error = await new Promise<ServiceError | null>((resolve) => {
    const same = (message: Buffer): Buffer => message;
    client.makeUnaryRequest('/kv/Get', same, same, Buffer.alloc(0), { deadline: Date.now() + 30_000 }, resolve);
  });
  expect(error).toMatchObject({ code: status.UNAVAILABLE });
  expect(error?.details).toContain('etcd cannot be read');
});
