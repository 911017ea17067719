import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls, TLSSocket } from 'node:tls';
import { promisify } from 'node:util';
import { status } from '@grpc/grpc-js';
import type { ChannelCredentials, ServerCredentials } from '@grpc/grpc-js';
import { parseEndpoint } from '@rpcplugin/endpoint-utils';
import {
  closeAfterTest,
  closed,
  codeOf,
  openDescriptors,
  sharedDirectory,
  socketsSince,
  until,
} from '@rpcplugin/test-support';
import { TCPSocketTransport } from '@rpcplugin/transport-tcp';
import { UnixSocketTransport } from '@rpcplugin/transport-unix';
import { describe, expect, it, onTestFinished } from 'vitest';
import { clientTls, makeIdentity, serverTls } from './certificates.js';
import { callHeaders, flags, frame, frameTypes, headerBlock, malformed, preface } from './http2-frames.js';
import { ask, call, Probe, ProbeServer } from './service.js';
import type { ProbeClient } from './service.js';
import { connected, insecure, insecureServer, networks, plainServer, PROMPT_MS, startPlugin } from './support.js';

const plugin = await makeIdentity(sharedDirectory(), 'localhost');
const securities = ['without TLS', 'with TLS'] as const;
type Security = (typeof securities)[number];

/** Opens a connection to a server, and begins HTTP/2. It is destroyed after the test. */
async function begin(endpoint: string, security: Security): Promise<{ socket: Socket; stream: Duplex }> {
  const socket = connect(parseEndpoint(endpoint)).on('error', () => undefined);
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  let stream = socket;
  if (security === 'with TLS') {
    stream = connectTls({ socket, ca: plugin.certificate, servername: 'localhost', ALPNProtocols: ['h2'] });
    stream.on('error', () => undefined);
    await once(stream, 'secureConnect');
  }
  stream.resume().write(preface);
  return { socket, stream };
}

const serverCredentials = (security: Security): ServerCredentials =>
  security === 'with TLS' ? serverTls(plugin) : insecureServer;
const clientCredentials = (security: Security): ChannelCredentials =>
  security === 'with TLS' ? clientTls(plugin) : insecure;

/** A call that the server has not answered. */
const hanging = frame(frameTypes.headers, flags.endHeaders, 1, headerBlock(callHeaders('/test.Probe/Hang')));
const goaway = frame(frameTypes.goaway, 0, 0, Buffer.alloc(8));

/** Begins HTTP/2 as a server. */
function greet(socket: Socket, security: Security): Duplex {
  const { key, certificate: cert } = plugin;
  const secured = { isServer: true, key, cert, ALPNProtocols: ['h2'] };
  const stream = security === 'with TLS' ? new TLSSocket(socket, secured) : socket;
  stream.on('error', () => undefined).resume();
  stream.write(Buffer.concat([frame(frameTypes.settings), frame(frameTypes.settings, flags.ack)]));
  return stream;
}

describe.each(networks)('a gRPC server over %s', (network) => {
  it.each(securities)('%s closes the connections of peers that send malformed HTTP/2', async (security) => {
    const beginnings = [Buffer.alloc(0), hanging, Buffer.concat([hanging, goaway])];
    const attacks = Object.values(malformed).flatMap((bytes) =>
      beginnings.map((before) => Buffer.concat([before, bytes])),
    );
    const maxConnections = attacks.length + 2;
    const transport = closeAfterTest(
      network === 'unix' ? new UnixSocketTransport({ maxConnections }) : new TCPSocketTransport({ maxConnections }),
    );
    const { accepted, endpoint } = await startPlugin(network, { transport, credentials: serverCredentials(security) });
    const client = (await connected(endpoint, clientCredentials(security))).client(Probe);
    const late = await begin(endpoint, security);
    const open = (): number => accepted.filter(({ destroyed }) => !destroyed).length;
    for (const [index, bytes] of attacks.entries()) {
      const { socket, stream } = await begin(endpoint, security);
      // The others stay.
      stream.write(bytes, () => {
        if (index % 2 === 0) socket.destroy();
      });
    }
    await until(() => accepted.length === maxConnections);
    await until(() => open() === 2, { timeoutMs: PROMPT_MS });
    late.stream.write(malformed['DATA on stream 0']);
    await until(() => open() === 1, { timeoutMs: PROMPT_MS });
    expect(await ask(client, 'echo', 'hello')).toBe('hello');
    await connected(endpoint, clientCredentials(security));
  });
});

describe.each(networks)('a gRPC client over %s', (network) => {
  it.each(securities)(
    '%s ends calls as UNAVAILABLE, and disconnects, when the server sends malformed HTTP/2',
    async (security) => {
      const streams: Duplex[] = [];
      const { endpoint, sockets } = await plainServer(network, (socket) => {
        streams.push(greet(socket, security));
      });
      const attacks = Object.values(malformed);
      const clients: ProbeClient[] = [];
      while (clients.length < attacks.length) {
        clients.push((await connected(endpoint, clientCredentials(security))).client(Probe));
      }
      const calls = clients.map((client) => codeOf(call(client, 'echo', '', { deadline: Date.now() + PROMPT_MS })));
      for (const [index, bytes] of attacks.entries()) streams[index]?.write(bytes);
      expect(await Promise.all(calls)).toEqual(clients.map(() => status.UNAVAILABLE));
      await Promise.all(sockets.map(closed));
    },
  );

  it.each(securities)('%s disconnects from a server that says goodbye but does not end its side', async (security) => {
    const streams: Duplex[] = [];
    const { endpoint } = await plainServer(network, (socket) => {
      streams.push(greet(socket, security));
    });
    const connection = await connected(endpoint, clientCredentials(security));
    await until(() => connection.connections === 1);
    for (const stream of streams) stream.pause().write(goaway);
    await until(() => connection.connections === 0, { timeoutMs: PROMPT_MS });
  });
});

// Node ends such connections by itself since 22.23, 24.17 and 26.1.
it.runIf(process.version.startsWith('v20.'))(
  'bindAsync of grpc-js keeps the connection of a peer that sent malformed HTTP/2 and left',
  async () => {
    const { server } = new ProbeServer('bindAsync');
    onTestFinished(() => {
      server.forceShutdown();
    });
    const port = await promisify(server.bindAsync.bind(server))('127.0.0.1:0', insecureServer);
    const { endpoint, accepted } = await startPlugin('tcp');
    const before = openDescriptors();
    for (const address of [`127.0.0.1:${port}`, endpoint]) {
      const { socket, stream } = await begin(address, 'without TLS');
      stream.write(malformed['DATA on stream 0']);
      await once(stream, 'data');
      socket.destroy();
    }
    await until(() => accepted.every(({ destroyed }) => destroyed));
    expect(socketsSince(before)).toHaveLength(1);
  },
);
