// What the runtime that runs this file has: `node features.mjs [arguments of the runtime]...`. Prints one JSON line with
// `yes` for each feature, or the code of the error that the transport gives instead.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { linkSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath, URL } from 'node:url';
import { Server } from '@grpc/grpc-js';
import { createIdentity } from '@rpcplugin/handshake';
import { connectGrpc, connectGrpcTarget, mutualTls, serveGrpc } from '@rpcplugin/transport-grpc';
import { StdioTransport } from '@rpcplugin/transport-stdio';
import { TCPSocketTransport } from '@rpcplugin/transport-tcp';
import { UnixSocketTransport } from '@rpcplugin/transport-unix';

const runtimeArgs = process.argv.slice(2);

const features = {
  'unix sockets': () => listens(new UnixSocketTransport()),
  'takes over a stale socket at its `path`': () => inDirectory(takesOver),
  'listens on a descriptor, with `fd`': listensOnDescriptor,
  'listens for its plugins, with `hold`': () => new TCPSocketTransport().hold(),
  'the PROXY protocol with `pauseOnConnect`': () =>
    listens(new TCPSocketTransport({ proxyProtocol: { from: ['127.0.0.1'] } }), {
      pauseOnConnect: true,
      onConnection: (connection) => connection.destroy(),
    }),
  '`connectGrpc`': dialsGrpc,
  '`serveGrpc` with TLS': servesTls,
  '`StdioTransport` on descriptors': () => new StdioTransport({ fd: 3 }),
};

async function listens(transport, options) {
  await transport.listen(options);
  await transport.close();
}

async function dialsGrpc() {
  const { server, channel } = mutualTls();
  const { endpoint } = await serveGrpc(new Server(), new TCPSocketTransport(), server);
  await connectGrpc(new TCPSocketTransport(), endpoint, channel);
}

async function servesTls() {
  const own = await createIdentity();
  const { server, channel } = mutualTls(own, own.certificate);
  const { endpoint } = await serveGrpc(new Server(), new TCPSocketTransport(), server);
  await connectGrpcTarget(endpoint, channel, { authority: 'localhost', timeoutMs: 20_000 });
}

async function takesOver(directory) {
  const path = join(directory, 's');
  const server = createServer().listen(`${path}.bound`);
  await once(server, 'listening').catch(() => undefined);
  if (process.platform !== 'win32') linkSync(`${path}.bound`, path);
  // The server removes the name that it was bound to.
  server.close();
  await listens(new UnixSocketTransport({ path }));
}

async function inDirectory(action) {
  const directory = mkdtempSync(join(tmpdir(), 'features-'));
  try {
    return await action(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Python can start a program with a socket that listens. */
const launcher = `
import os, socket, sys
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen()
os.dup2(listener.fileno(), 3)
os.set_inheritable(3, True)
os.execv(sys.argv[1], sys.argv[1:])
`;

async function listensOnDescriptor() {
  if (process.platform === 'win32') return new TCPSocketTransport({ fd: 3 });
  const program = [process.execPath, ...runtimeArgs, fileURLToPath(new URL('descriptor.mjs', import.meta.url))];
  const { stdout } = spawn('python3', ['-c', launcher, ...program], { stdio: ['ignore', 'pipe', 'inherit'] });
  const code = (await text(stdout)).trim();
  if (code !== 'yes') throw Object.assign(new Error(code), { code });
}

const found = {};
for (const [name, use] of Object.entries(features)) {
  found[name] = await Promise.resolve()
    .then(use)
    .then(
      () => 'yes',
      (error) => String(error?.code ?? error),
    );
}
console.log(JSON.stringify({ features: found }));
process.exit();
