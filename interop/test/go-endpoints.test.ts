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

/** Starts a gRPC server that answers every Get with its own endpoint. Resolves with the endpoint. */
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

/** Starts a plain listener that sends its own endpoint to each client. Resolves with the endpoint. */
async function sayEndpoint(transport: Transport<Socket>): Promise<string> {
  closeAfterTest(transport);
  const endpoint: string = await transport.listen({ onConnection: (connection) => void connection.end(endpoint) });
  return endpoint;
}

/** A path in this directory with the maximum length of a socket path on Linux. */
const longest = (directory: string): string => join(directory, 'x'.repeat(107 - directory.length - 1));

/** The same port on another name of the host. */
const at = (endpoint: string, host: string): string => joinHostPort(host, splitHostPort(endpoint).port);

describeInterop({ peer: peers.goGrpc, role: 'client of an unmodified endpoint', over: 'TCP' }, () => {
  it.each([
    ['127.0.0.1', /^127\.0\.0\.1:\d+$/],
    ['::1', /^\[::1\]:\d+$/],
    ['localhost', /^localhost:\d+$/],
  ])('calls the server on %s', async (host, form) => {
    const endpoint = await serveEndpoint(new TCPSocketTransport({ host }));
    const target = toGrpcTarget(at(endpoint, host));
    expect(target).toMatch(form);
    expect(await runGo(['target', target])).toEqual([endpoint]);
  });
});

describeInterop({ peer: peers.goGrpc, role: 'client of an unmodified endpoint', over: 'unix' }, () => {
  it.each([
    ['an absolute path', (directory: string) => join(directory, 's')],
    ['a path with every character allowed in a target', (directory: string) => join(directory, "aZ09-._~!$&'()*+;=:@")],
    ['the longest path', longest],
  ])('calls the server at %s', async (_what, path) => {
    const endpoint = await serveEndpoint(new UnixSocketTransport({ path: path(await freshDirectory()) }));
    expect(await runGo(['target', toGrpcTarget(endpoint)])).toEqual([endpoint]);
  });

  it.each(['unix:s', 'unix:.s', 'unix:../s', 'unix:made/s'])(
    'calls the server at the relative endpoint %s',
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

describeInterop({ peer: peers.go, role: 'client of a handshake address', over: 'TCP' }, () => {
  it.each([
    ['127.0.0.1', /^127\.0\.0\.1:\d+$/],
    ['::1', /^\[::1\]:\d+$/],
    ['::1%lo', /^\[::1%lo\]:\d+$/],
    ['localhost', /^localhost:\d+$/],
  ])('connects to the listener on %s', async (host, form) => {
    const endpoint = await sayEndpoint(new TCPSocketTransport({ host }));
    const { network, address } = toHandshakeAddress(at(endpoint, host));
    expect(address).toMatch(form);
    expect(await runGo(['dial', network, address])).toEqual([endpoint]);
  });
});

describeInterop({ peer: peers.go, role: 'client of a handshake address', over: 'unix' }, () => {
  it.each([
    ['an absolute path', (directory: string) => join(directory, 's')],
    ['a path with all symbols except |', (directory: string) => join(directory, ' !"#$%&\'()*+,-.:;<=>?@[\\]^_`{}~ ')],
    ['a path with letters of several scripts', (directory: string) => join(directory, 'ü 名 🔌 e\u0301')],
    ['a path that looks percent-encoded', (directory: string) => join(directory, 'a%20b')],
    ['a path that looks like an abstract socket', (directory: string) => join(directory, '@x')],
    ['the longest path', longest],
  ])('connects to the listener at %s', async (_what, path) => {
    const endpoint = await sayEndpoint(new UnixSocketTransport({ path: path(await freshDirectory()) }));
    const { network, address } = toHandshakeAddress(endpoint);
    expect(await runGo(['dial', network, address])).toEqual([endpoint]);
  });
});
