// Serves the plugins of docs/behind-a-proxy.md, starts a proxy, and calls them through its ports. Prints a line of JSON
// for each call. Run it in a network namespace and a /run of its own: the addresses are those of the page.
import { spawn } from 'node:child_process';
import { subscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { Socket } from 'node:net';
import { credentials, ServerCredentials } from '@grpc/grpc-js';
import type { ConnectMessage } from '@rpcplugin/transport-core';
import { connectGrpc, serveGrpc } from '@rpcplugin/transport-grpc';
import { TCPSocketTransport } from '@rpcplugin/transport-tcp';
import { UnixSocketTransport } from '@rpcplugin/transport-unix';
import { echo } from '../../src/echo.js';
import { peerServer } from '../../src/peer-server.js';

export interface Seen {
  readonly port: string;
  /** The client's end of its connection to the proxy. */
  readonly local: string;
  /** What the plugin knows. */
  readonly peer: string;
}

const [group = '', ports = '', program = '', ...args] = process.argv.slice(2);
const unix = { mode: 0o660, group };
for (const transport of [
  new TCPSocketTransport({ port: 4000, proxyProtocol: { from: ['127.0.0.1'] } }),
  new UnixSocketTransport({ path: '/run/example/plugin.sock', ...unix, proxyProtocol: {} }),
  new TCPSocketTransport({ port: 4001 }),
  new UnixSocketTransport({ path: '/run/example/direct.sock', ...unix }),
]) {
  await serveGrpc(peerServer(), transport, ServerCredentials.createInsecure());
}
const proxy = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit'] });
let local = '';
subscribe('rpcplugin:transport:connect', (message) => {
  const { connection } = message as ConnectMessage;
  if (connection instanceof Socket) local = `127.0.0.1:${connection.localPort ?? 0}`;
});
for (const port of ports.split(',')) {
  const options = { timeoutMs: 60_000, waitMs: 50_000 };
  const insecure = credentials.createInsecure();
  const connection = await connectGrpc(new TCPSocketTransport(), `127.0.0.1:${port}`, insecure, options);
  const peer = String(await echo(connection, Buffer.alloc(0)));
  console.log(JSON.stringify({ port, local, peer } satisfies Seen));
}
// Not SIGKILL, which would leave the worker processes of nginx behind.
proxy.kill('SIGTERM');
await once(proxy, 'exit');
process.exit();
