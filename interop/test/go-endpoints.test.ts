import { mkdir } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import type { sendUnaryData } from '@grpc/grpc-js';
import { joinHostPort, splitHostPort, toGrpcTarget, toHandshakeAddress } from '@rpcplugin/endpoint-utils';
import { KV } from '@rpcplugin/example-kv/protos';
import { closeAfterTest, freshDirectory } from '@rpcplugin/test-support';
import type { Transport } from '@rpcplugin/transport-core';
import { serveGrpc } from '@rpcplugin/transport-grpc';
import { TCPSocketTransport } from '@rpcplugin/transport-tcp';
import { UnixSocketTransport } from '@rpcplugin/transport-unix';
import { expect, it, onTestFinished } from 'vitest';
import { describeInterop } from '../src/describe-interop.js';
import { runGo, useGoPeer } from '../src/go-peer.js';
import { peers } from '../src/peers.js';

useGoPeer();

/** The endpoint of a gRPC server on a transport, which gives it away as the value of each key. */
async function serveEndpoint(transport: Transport<Socket>): Promise<string> {
  const server = new Server();
  const listener = await serveGrpc(server, transport, ServerCredentials.createInsecure());
  onTestFinished(() => listener.close());
  const value = Buffer.from(listener.endpoint);
  const get = (_call: unknown, callback: sendUnaryData<{ value: Buffer }>): void => {
    callback(null, { value });
  };
  server.addService({ Get: KV.service.Get }, { Get: get });
  return listener.endpoint;
}

/** The endpoint of a plain listener on a transport, which says it to whoever connects. */
async function sayEndpoint(transport: Transport<Socket>): Promise<string> {
  closeAfterTest(transport);
  const endpoint: string = await transport.listen({ onConnection: (connection) => void connection.end(endpoint) });
  return endpoint;
}

/** A path in this directory of the most bytes that the path of a socket may have on Linux. */
const longest = (directory: string): string => join(directory, 'x'.repeat(107 - directory.length - 1));

/** The same port under another name of its host. */
const at = (endpoint: string, host: string): string => joinHostPort(host, splitHostPort(endpoint).port);

describeInterop({ peer: peers.goGrpc, role: 'client of endpoints as they stand', over: 'TCP' }, () => {
  it.each([
    ['127.0.0.1', /^127\.0\.0\.1:\d+$/],
    ['::1', /^\[::1\]:\d+$/],
    ['localhost', /^localhost:\d+$/],
  ])('calls the server at a port of %s', async (host, form) => {
    const endpoint = await serveEndpoint(new TCPSocketTransport({ host }));
    const target = toGrpcTarget(at(endpoint, host));
    expect(target).toMatch(form);
    expect(await runGo(['target', target])).toEqual([endpoint]);
  });
});

describeInterop({ peer: peers.goGrpc, role: 'client of endpoints as they stand', over: 'unix' }, () => {
  it.each([
    ['an absolute path', (directory: string) => join(directory, 's')],
    ['every character that a target may have', (directory: string) => join(directory, "aZ09-._~!$&'()*+;=:@")],
    ['the longest path', longest],
  ])('calls the server at %s', async (_what, path) => {
    const endpoint = await serveEndpoint(new UnixSocketTransport({ path: path(await freshDirectory()) }));
    expect(await runGo(['target', toGrpcTarget(endpoint)])).toEqual([endpoint]);
  });

  it.each(['unix:s', 'unix:.s', 'unix:../s', 'unix:made/s'])(
    'calls the server at the relative path of %s',
    async (text) => {
      const directory = await freshDirectory();
      const cwd = join(directory, 'cwd');
      await mkdir(cwd);
      const endpoint = await serveEndpoint(new UnixSocketTransport({ path: join(cwd, text.slice('unix:'.length)) }));
      expect(toGrpcTarget(text)).toBe(text);
      expect(await runGo(['target', text], { cwd })).toEqual([endpoint]);
    },
  );
});

describeInterop({ peer: peers.go, role: 'client of handshake fields as they stand', over: 'TCP' }, () => {
  it.each([
    ['127.0.0.1', /^127\.0\.0\.1:\d+$/],
    ['::1', /^\[::1\]:\d+$/],
    ['::1%lo', /^\[::1%lo\]:\d+$/],
    ['localhost', /^localhost:\d+$/],
  ])('connects to the listener at a port of %s', async (host, form) => {
    const endpoint = await sayEndpoint(new TCPSocketTransport({ host }));
    const { network, address } = toHandshakeAddress(at(endpoint, host));
    expect(address).toMatch(form);
    expect(await runGo(['dial', network, address])).toEqual([endpoint]);
  });
});

describeInterop({ peer: peers.go, role: 'client of handshake fields as they stand', over: 'unix' }, () => {
  it.each([
    ['an absolute path', (directory: string) => join(directory, 's')],
    ['all punctuation but |', (directory: string) => join(directory, ' !"#$%&\'()*+,-.:;<=>?@[\\]^_`{}~ ')],
    ['letters of all scripts', (directory: string) => join(directory, 'ü 名 🔌 e\u0301')],
    ['what looks like an escape', (directory: string) => join(directory, 'a%20b')],
    ['what looks like an abstract socket', (directory: string) => join(directory, '@x')],
    ['the longest path', longest],
  ])('connects to the listener at %s', async (_what, path) => {
    const endpoint = await sayEndpoint(new UnixSocketTransport({ path: path(await freshDirectory()) }));
    const { network, address } = toHandshakeAddress(endpoint);
    expect(await runGo(['dial', network, address])).toEqual([endpoint]);
  });
});
