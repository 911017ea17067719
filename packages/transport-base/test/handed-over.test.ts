import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import {
  closeAfterTest,
  onDiagnostic,
  plainListener,
  settlesWithin,
  SocketTaker,
  until,
  whenAllAreOver,
} from '@rpcplugin/test-support';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { isHandedOver } from '../src/handed-over.js';
import type { SocketTransportOptions } from '../src/index.js';
import { PipeTransport } from './pipe-transport.js';
import { dial, freshPath } from './support.js';

/** A time limit that is never reached, in milliseconds: longer than a test may take. */
const NEVER_MS = 600_000;

const whenOver = whenAllAreOver();
let taker: SocketTaker;
beforeAll(() => {
  taker = new SocketTaker({ whenOver });
});

async function pipe(options?: SocketTransportOptions): Promise<PipeTransport> {
  return closeAfterTest(new PipeTransport(await freshPath(), options));
}

/** Whether the peer of a socket echoes a message. */
async function echoes(socket: Socket): Promise<boolean> {
  socket.write('hello');
  const [data] = (await once(socket, 'data')) as [Buffer];
  return data.toString() === 'hello';
}

/** A transport that accepted a connection and handed it to another process, and the socket at the other end. */
async function handedOver(options?: { keepOpen: boolean }): Promise<{ transport: PipeTransport; peer: Socket }> {
  const transport = await pipe();
  await transport.listen({ onConnection: (socket) => taker.take(socket, options), pauseOnConnect: true });
  const peer = await dial(transport.path);
  expect(await echoes(peer)).toBe(true);
  return { transport, peer };
}

describe('a connection that was handed to another process', () => {
  it('is neither ended by close nor waited for', async () => {
    const { transport, peer } = await handedOver();
    expect(await settlesWithin(2000, transport.close({ graceMs: NEVER_MS }))).toBe(true);
    expect(await echoes(peer)).toBe(true);
  });

  it('is neither ended by close nor waited for if it was dialled', async () => {
    const peers: Socket[] = [];
    const path = await freshPath();
    await plainListener({ path }, (socket) => peers.push(socket));
    const transport = await pipe();
    await taker.take(await transport.connect(`pipe:${path}`, { pauseOnConnect: true }));
    await until(() => peers.length === 1);
    const [peer] = peers as [Socket];
    expect(await echoes(peer)).toBe(true);
    expect(await settlesWithin(2000, transport.close({ graceMs: NEVER_MS }))).toBe(true);
    expect(await echoes(peer)).toBe(true);
  });

  it('is reported as disconnected, not as destroyed, when the transport closes', async () => {
    const { transport } = await handedOver();
    const reported: unknown[] = [];
    onDiagnostic('disconnect', transport, ({ open }) => reported.push({ open }));
    onDiagnostic('close', transport, ({ destroyed }) => reported.push({ destroyed }));
    await transport.close();
    expect(reported).toEqual([{ open: 0 }, { destroyed: 0 }]);
  });

  it('is ended by close if this process keeps it open as well', async () => {
    const { transport, peer } = await handedOver({ keepOpen: true });
    const ended = once(peer, 'end');
    await transport.close({ graceMs: NEVER_MS });
    await expect(ended).resolves.toEqual([]);
  });

  it('is forgotten after a while, and never counts for maxConnections', async () => {
    const transport = await pipe({ maxConnections: 1 });
    let handOver = true;
    let [dropped, disconnected] = [0, 0];
    onDiagnostic('drop', transport, () => ++dropped);
    onDiagnostic('disconnect', transport, () => ++disconnected);
    await transport.listen({
      onConnection: (socket) => (handOver ? taker.take(socket) : socket.resume()),
      pauseOnConnect: true,
    });
    for (let i = 0; i < 64; i++) expect(await echoes(await dial(transport.path))).toBe(true);
    handOver = false;
    // One is accepted, in place of all of those. It stays open, so another one is not.
    await dial(transport.path);
    await until(() => disconnected === 64);
    const beyond = await dial(transport.path);
    await once(beyond.resume(), 'close');
    expect({ dropped, disconnected }).toEqual({ dropped: 1, disconnected: 64 });
  });
});

describe('a connection is not taken for one that was handed over', () => {
  /** Accepts a connection, and expects that what `use` does with it keeps it. */
  async function expectKept(use: (accepted: Socket, peer: Socket) => Promise<void>): Promise<void> {
    const transport = await pipe();
    const connections: Socket[] = [];
    await transport.listen({ onConnection: (socket) => connections.push(socket) });
    const peer = await dial(transport.path);
    await until(() => connections.length === 1);
    const [accepted] = connections as [Socket];
    await use(accepted, peer);
    expect([accepted, peer].map(isHandedOver)).toEqual([false, false]);
    accepted.destroy();
    expect(isHandedOver(accepted)).toBe(false);
  }

  it('while it is connecting', async () => {
    const transport = await pipe();
    await transport.listen();
    const socket = connect(transport.path);
    expect(isHandedOver(socket)).toBe(false);
    await once(socket.resume().end(), 'close');
  });

  it('under HTTP/2', () =>
    expectKept(async (accepted, peer) => {
      createHttp2Server((_, response) => response.write('x')).emit('connection', accepted);
      const session = connectHttp2('http://localhost', { createConnection: () => peer });
      onTestFinished(() => {
        session.destroy();
      });
      await once(
        session.request().on('error', () => undefined),
        'data',
      );
    }));

  it('under TLS', () =>
    expectKept(async (accepted, peer) => {
      // With a shared key instead of certificates.
      const psk = randomBytes(16);
      const options = { ciphers: 'PSK', maxVersion: 'TLSv1.2' } as const;
      const server = createTlsServer({ ...options, pskCallback: () => psk }, (socket) => {
        socket.on('error', () => undefined).write('x');
      });
      server.emit('connection', accepted);
      const client: TLSSocket = connectTls({
        ...options,
        socket: peer,
        pskCallback: () => ({ psk, identity: 'x' }),
        checkServerIdentity: () => undefined,
      });
      await once(
        client.on('error', () => undefined),
        'data',
      );
    }));

  it('after an upgrade of HTTP', () =>
    expectKept(async (accepted, peer) => {
      const server = createHttpServer();
      server.emit('connection', accepted);
      peer.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
      const [, upgraded] = (await once(server, 'upgrade')) as [unknown, Socket];
      expect(upgraded).toBe(accepted);
    }));
});
