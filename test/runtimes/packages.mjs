// What the other packages do on whatever runtime runs this file: `node packages.mjs rpc-endpoint.js [arguments of the
// runtime]...`. Prints one JSON line for each subject, like contract.mjs.
import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { buffer, text } from 'node:stream/consumers';
import { clearTimeout, setTimeout } from 'node:timers';
import { fileURLToPath, URL } from 'node:url';
import { Server } from '@grpc/grpc-js';
import { toGrpcTarget } from '@rpcplugin/endpoint-utils';
import { createIdentity, endPlugin, handshakeEnv, readHandshake } from '@rpcplugin/handshake';
import { negotiateTransport } from '@rpcplugin/transport-core';
import { connectGrpc, connectGrpcTarget, mutualTls, serveGrpc } from '@rpcplugin/transport-grpc';
import { TCPSocketTransport, tcpTransportFactory } from '@rpcplugin/transport-tcp';
import { UnixSocketTransport, unixTransportFactory } from '@rpcplugin/transport-unix';
import { EchoClient, echoHandlers, echoService, launch } from './echo.mjs';

const [rpcEndpoint, ...runtimeArgs] = process.argv.slice(2);
const isWindows = process.platform === 'win32';
/** There is no `connectGrpc` there, and no server with TLS, as features.mjs finds out. */
const isBun = process.versions.bun !== undefined;
const noTls = mutualTls();
const entries = [
  ...['endpoint-utils', 'handshake', 'transport-base', 'transport-core', 'transport-grpc', 'transport-stdio'],
  ...['transport-tcp', 'transport-testkit', 'transport-unix', 'transport-unix/leftovers'],
];
const factories = [unixTransportFactory(), tcpTransportFactory()];

const subjects = {
  'every package': Object.fromEntries(
    entries.map((name) => [
      `loads ${name}`,
      async () => {
        assert.notEqual(Object.keys(await import(`@rpcplugin/${name}`)).length, 0);
      },
    ]),
  ),
  gRPC: {
    'makes calls over TCP': () => echoes(() => new TCPSocketTransport(), noTls, noTls),
    ...(!isBun && { 'makes calls over TCP with mutual TLS': () => echoesWithTls(() => new TCPSocketTransport()) }),
    ...(isWindows
      ? {
          'has no unix sockets': async () => {
            assert.throws(() => new UnixSocketTransport(), { code: 'UNSUPPORTED' });
            await assert.rejects(connectGrpcTarget('unix:/p', noTls.channel), { code: 'UNSUPPORTED' });
          },
        }
      : {
          'makes calls over unix': () => echoes(() => new UnixSocketTransport(), noTls, noTls),
          ...(!isBun && {
            'makes calls over unix with mutual TLS': () => echoesWithTls(() => new UnixSocketTransport()),
          }),
        }),
    'makes calls to a target that gRPC dials': () =>
      serving(new TCPSocketTransport(), noTls, async (endpoint) => {
        await assertEchoes(await connectGrpcTarget(`dns:///${endpoint}`, noTls.channel));
      }),
  },
  'a plugin that is launched': { 'answers its host': launches },
  'rpc-endpoint': { 'finds a gRPC server': probes },
};

/** Serves on one transport and calls from another. */
async function echoes(create, server, client) {
  await serving(create(), server, async (endpoint) => {
    await using(create(), async (transport) => {
      await assertEchoes(await connect(transport, endpoint, client.channel));
    });
  });
}

async function echoesWithTls(create) {
  const [near, far] = await Promise.all([createIdentity(), createIdentity()]);
  await echoes(create, mutualTls(far, near.certificate), mutualTls(near, far.certificate));
}

function connect(transport, endpoint, credentials) {
  if (!isBun) return connectGrpc(transport, endpoint, credentials);
  return connectGrpcTarget(toGrpcTarget(endpoint), credentials);
}

async function serving(transport, credentials, action) {
  const server = new Server();
  server.addService(echoService, echoHandlers);
  await using(await serveGrpc(server, transport, credentials.server), ({ endpoint }) => action(endpoint));
}

async function using(resource, action) {
  try {
    await action(resource);
  } finally {
    await resource.close({ graceMs: 0 });
  }
}

/** Makes one call, and one with more data than the peers buffer. */
async function assertEchoes(connection) {
  await using(connection, async () => {
    const client = connection.client(EchoClient);
    const echoed = await new Promise((resolve, reject) => {
      client.echo(Buffer.from('hi'), (error, response) => (error === null ? resolve(response) : reject(error)));
    });
    assert.equal(String(echoed), 'hi');
    const chunks = Array.from({ length: 100 }, () => randomBytes(100_000));
    const call = client.echoAll();
    const received = buffer(call);
    for (const chunk of chunks) call.write(chunk);
    call.end();
    assert.ok(Buffer.concat(chunks).equals(await received), 'the stream came back changed');
  });
}

async function launches() {
  const own = isBun ? undefined : await createIdentity();
  const options = { ...launch, certificate: own?.certificate };
  const plugin = start(fileURLToPath(new URL('plugin.mjs', import.meta.url)), handshakeEnv(options));
  try {
    const { network, endpoint, certificate } = await readHandshake(plugin, options);
    assert.equal(network, isWindows ? 'tcp' : 'unix');
    await using(negotiateTransport([network], factories), async (transport) => {
      await assertEchoes(await connect(transport, endpoint, mutualTls(own, certificate).channel));
    });
  } finally {
    await endPlugin(plugin, { graceMs: 0 });
  }
}

async function probes() {
  await serving(new TCPSocketTransport(), noTls, async (endpoint) => {
    const output = await text(start(rpcEndpoint, {}, 'probe', endpoint).stdout);
    assert.match(output, /^status +live$/m);
    assert.match(output, /gRPC/);
  });
}

function start(program, env, ...args) {
  return spawn(process.execPath, [...runtimeArgs, program, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

for (const [subject, cases] of Object.entries(subjects)) {
  const failures = [];
  for (const [name, run] of Object.entries(cases)) {
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(reject, 60_000, new Error('not within a minute'));
    });
    await Promise.race([run(), late]).catch((error) => failures.push({ name, error: String(error?.stack ?? error) }));
    clearTimeout(timer);
  }
  console.log(JSON.stringify({ subject, cases: Object.keys(cases).length, failures }));
}
// A runtime may keep something open that has nothing to do with the cases.
process.exit();
