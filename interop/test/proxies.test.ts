// haproxy and nginx in front of plugins.
import { Socket } from 'node:net';
import { credentials, ServerCredentials } from '@grpc/grpc-js';
import type { Server } from '@grpc/grpc-js';
import { closeAfterTest, freshDirectory, holdFreePort, onDiagnostic, until } from '@rpcplugin/test-support';
import type { ConnectionInfo, Transport } from '@rpcplugin/transport-core';
import { connectGrpc, serveGrpc } from '@rpcplugin/transport-grpc';
import type { GrpcConnection } from '@rpcplugin/transport-grpc';
import { TCPSocketTransport } from '@rpcplugin/transport-tcp';
import { UnixSocketTransport } from '@rpcplugin/transport-unix';
import { describe, expect, it, onTestFinished } from 'vitest';
import { describeInterop } from '../src/describe-interop.js';
import { echo, echoServer } from '../src/echo.js';
import { peerServer } from '../src/peer-server.js';
import { peers } from '../src/peers.js';
import { startHaproxy, startNginx } from '../src/proxies.js';
import { hashOf, hashOfStream, largeData } from './large.js';

const insecure = credentials.createInsecure();

/** How a plugin is reached by a proxy. */
const networks = [
  {
    over: 'TCP',
    behindProxy: () => Promise.resolve(new TCPSocketTransport({ proxyProtocol: { from: ['127.0.0.1'] } })),
    direct: () => Promise.resolve(new TCPSocketTransport()),
  },
  {
    over: 'unix',
    behindProxy: async () => new UnixSocketTransport({ directory: await freshDirectory(), proxyProtocol: {} }),
    direct: async () => new UnixSocketTransport({ directory: await freshDirectory() }),
  },
];

/** Where a proxy listens: a port that no other process gets before the end of the test. */
async function proxyEndpoint(): Promise<string> {
  const { port, release } = await holdFreePort();
  onTestFinished(release);
  return `127.0.0.1:${port}`;
}

/** Serves a gRPC plugin that answers with what it knows about the client. */
function servePeers(transport: Transport): Promise<string> {
  return serve(peerServer(), transport);
}

async function serve(server: Server, transport: Transport): Promise<string> {
  const listener = await serveGrpc(server, closeAfterTest(transport), ServerCredentials.createInsecure());
  onTestFinished(() => listener.close({ graceMs: 0 }));
  return listener.endpoint;
}

/** Connects to a proxy, which may be starting. */
async function connectThrough(proxy: string): Promise<{ connection: GrpcConnection; local: string }> {
  const transport = closeAfterTest(new TCPSocketTransport());
  let local = '';
  onDiagnostic('connect', transport, ({ connection }) => {
    if (connection instanceof Socket) local = `127.0.0.1:${connection.localPort ?? 0}`;
  });
  const connection = await connectGrpc(transport, proxy, insecure, { timeoutMs: 60_000, waitMs: 50_000 });
  onTestFinished(() => connection.close({ graceMs: 0 }));
  return { connection, local };
}

async function peerOf(connection: GrpcConnection): Promise<string> {
  return String(await echo(connection, Buffer.alloc(0)));
}

/** haproxy that passes on connections as they are. */
function haproxy(proxy: string, plugin: string, options: string): string {
  const address = plugin.replace(/^unix:/, 'unix@');
  return `defaults
  mode tcp
  timeout connect 5s
  timeout client 1h
  timeout server 1h
listen plugin
  bind ${proxy}
  server plugin ${address} ${options}
`;
}

describe.each(networks)('a plugin over $over', ({ over, behindProxy, direct }) => {
  describe.each(['send-proxy', 'send-proxy-v2'])('behind haproxy with %s', (option) => {
    describeInterop({ peer: peers.haproxy, role: 'proxy that sends the PROXY protocol', over }, () => {
      it('serves gRPC, and knows its clients by their addresses', async () => {
        const proxy = await proxyEndpoint();
        await startHaproxy(haproxy(proxy, await servePeers(await behindProxy()), option));
        const [one, other] = await Promise.all([connectThrough(proxy), connectThrough(proxy)]);
        expect(await peerOf(one.connection)).toBe(one.local);
        expect(await peerOf(other.connection)).toBe(other.local);
      });

      it('gets every byte that follows, and the end of the client', async () => {
        const proxy = await proxyEndpoint();
        const transport = closeAfterTest(await behindProxy());
        const infos: ConnectionInfo[] = [];
        const endpoint = await transport.listen({
          allowHalfOpen: true,
          onConnection: (connection, info) => {
            infos.push(info);
            connection.pipe(connection);
          },
        });
        await startHaproxy(haproxy(proxy, endpoint, option));
        const client = closeAfterTest(new TCPSocketTransport());
        const socket = await client.connect(proxy, { timeoutMs: 60_000, waitMs: 50_000, allowHalfOpen: true });
        const local = `127.0.0.1:${socket.localPort ?? 0}`;
        const data = largeData();
        socket.end(data);
        expect(await hashOfStream(socket)).toBe(hashOf(data));
        expect(infos).toEqual([{ client: local, destination: proxy }]);
      });

      it('answers health checks, which come from the proxy itself', async () => {
        const transport = closeAfterTest(await behindProxy());
        const infos: ConnectionInfo[] = [];
        const dropped: unknown[] = [];
        onDiagnostic('drop', transport, ({ error }) => dropped.push(error?.code));
        const endpoint = await transport.listen({
          onConnection: (connection, info) => {
            infos.push(info);
            connection.end('healthy');
          },
        });
        // haproxy resets the connection of a check when it is over, which over TCP takes back what it has sent. This
        // check is over once the plugin has answered.
        const check = ['check inter 20', 'timeout check 1m', 'option tcp-check', 'tcp-check expect string healthy'];
        await startHaproxy(haproxy(await proxyEndpoint(), endpoint, `${option} ${check.join('\n  ')}`));
        await until(() => infos.length >= 5);
        // Version 1 has no other way to say so than the addresses of the connection.
        const isNamed = option === 'send-proxy' && over === 'TCP';
        expect(new Set(infos.map(({ client }) => client?.replace(/:.*/, '')))).toEqual(
          new Set([isNamed ? '127.0.0.1' : undefined]),
        );
        expect(dropped).toEqual([]);
      });
    });
  });

  describe('behind haproxy without the PROXY protocol', () => {
    describeInterop({ peer: peers.haproxy, role: 'proxy that sends no header', over }, () => {
      it('drops its connections when it expects a header', async () => {
        const proxy = await proxyEndpoint();
        const transport = closeAfterTest(await behindProxy());
        const reasons: string[] = [];
        onDiagnostic('drop', transport, ({ reason }) => reasons.push(reason));
        await startHaproxy(haproxy(proxy, await servePeers(transport), ''));
        await expect(connectThrough(proxy)).rejects.toMatchObject({ code: 'IO' });
        expect(new Set(reasons)).toEqual(new Set(['proxyProtocol']));
      });
    });
  });

  describeInterop({ peer: peers.haproxy, role: 'gRPC proxy', over }, () => {
    it('tells the address of the client in the metadata', async () => {
      const proxy = await proxyEndpoint();
      const configuration = haproxy(`${proxy} proto h2`, await servePeers(await direct()), 'proto h2')
        .replace('mode tcp', 'mode http')
        .concat('  http-request set-header x-real-ip %[src]\n');
      await startHaproxy(configuration);
      const { connection } = await connectThrough(proxy);
      expect((await peerOf(connection)).split('\n')[1]).toBe('127.0.0.1');
    });
  });

  describeInterop({ peer: peers.nginx, role: 'proxy that sends the PROXY protocol', over }, () => {
    it('serves gRPC, and knows its clients by their addresses', async () => {
      const proxy = await proxyEndpoint();
      const plugin = await servePeers(await behindProxy());
      await startNginx(`stream { server { listen ${proxy}; proxy_pass ${plugin}; proxy_protocol on; } }`);
      const { connection, local } = await connectThrough(proxy);
      expect(await peerOf(connection)).toBe(local);
    });
  });

  describeInterop({ peer: peers.nginx, role: 'gRPC proxy', over }, () => {
    const pass = (proxy: string, plugin: string): string => `http { server {
      listen ${proxy} http2;
      client_max_body_size 0;
      location / { grpc_set_header X-Real-IP $remote_addr; grpc_pass grpc://${plugin}; }
    } }`;

    it('tells the address of the client in the metadata', async () => {
      const proxy = await proxyEndpoint();
      await startNginx(pass(proxy, await servePeers(await direct())));
      const { connection } = await connectThrough(proxy);
      expect((await peerOf(connection)).split('\n')[1]).toBe('127.0.0.1');
    });

    it('passes on calls with messages of several megabytes', async () => {
      const proxy = await proxyEndpoint();
      await startNginx(pass(proxy, await serve(echoServer(), await direct())));
      const { connection } = await connectThrough(proxy);
      const value = Buffer.alloc(3 * 2 ** 20, 'value');
      const answers = await Promise.all([echo(connection, value), echo(connection, value)]);
      expect(answers.every((answer) => value.equals(answer))).toBe(true);
    });
  });
});
