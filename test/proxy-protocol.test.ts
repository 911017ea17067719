import { once } from 'node:events';
import { createServer as createHttpServer, request } from 'node:http';
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import type { Socket } from 'node:net';
import { buffer, text } from 'node:stream/consumers';
import { connect as connectTls, TLSSocket } from 'node:tls';
import {
  binaryHeader,
  durationOf,
  makeIdentity,
  onDiagnostic,
  rawHeader,
  script,
  sharedDirectory,
  SocketTaker,
  spawnProgram,
  standStill,
  textHeader,
  timers,
  turns,
  unixHeader,
  until,
} from '@rpcplugin/test-support';
import { SocketTransport } from '@rpcplugin/transport-base';
import type { ConnectionInfo, DropMessage, ListenOptions, Transport } from '@rpcplugin/transport-core';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { Fixture } from './fixture.js';
import { proxied, variants } from './variants.js';

const client = { ip: '192.0.2.1', port: 56_324 };
const proxy = { ip: '192.0.2.11', port: 443 };
const told: ConnectionInfo = { client: '192.0.2.1:56324', destination: '192.0.2.11:443' };
const headers = { 'version 1': textHeader(client, proxy), 'version 2': binaryHeader(client, proxy) };
const header = headers['version 2'];
const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
/** More than the buffers of a socket hold. */
const MANY_BYTES = 2 ** 22;

/** A plugin that sends what it knows about its client. */
const handedOver = `
  import { TCPSocketTransport } from '@rpcplugin/transport-tcp';
  import { UnixSocketTransport } from '@rpcplugin/transport-unix';
  const [network, path] = process.argv.slice(2);
  const options = { fd: 3, proxyProtocol: { from: ['127.0.0.1'] } };
  const transport =
    network === 'unix' ? new UnixSocketTransport({ ...options, path }) : new TCPSocketTransport(options);
  await transport.listen({ onConnection: (socket, info) => socket.end(JSON.stringify(info)) });
`;

interface Handled {
  readonly connection: Socket;
  readonly info: ConnectionInfo;
}

describe.each([
  { name: 'TCP', variant: variants['TCP IPv4'] },
  { name: 'unix', variant: variants['unix automatic'] },
])('proxyProtocol over $name', ({ variant }) => {
  let fixture: Fixture;
  let transport: Transport<Socket>;
  let handled: Handled[];
  let drops: DropMessage[];

  beforeEach(async () => {
    fixture = new Fixture(await variant.open());
    transport = fixture.create(proxied());
    handled = [];
    drops = [];
    onDiagnostic('drop', transport, (message) => drops.push(message));
  });
  afterEach(() => fixture.end());

  function listen(options?: ListenOptions<Socket>): Promise<string> {
    return transport.listen({
      onConnection: (connection, info) => {
        handled.push({ connection, info });
      },
      ...options,
    });
  }

  /** Makes a transport with other options. */
  function replace(options: Parameters<typeof proxied>[0], common = {}): void {
    transport = fixture.create({ ...proxied(options), ...common });
    onDiagnostic('drop', transport, (message) => drops.push(message));
  }

  /** Opens a connection that the transport accepts, but whose header has not arrived. */
  async function acceptedWithoutHeader(endpoint: string): Promise<Socket> {
    const peer = await fixture.dial(endpoint);
    // Connections are accepted in order.
    (await fixture.dial(endpoint)).write(header);
    await handledAt();
    return peer;
  }

  async function handledAt(index = 0): Promise<Handled> {
    await until(() => handled.length > index);
    const found = handled[index];
    if (found === undefined) throw new Error('unreachable');
    return found;
  }

  describe.each(Object.entries(headers))('with a header of %s', (_, bytes) => {
    it('tells the handler the addresses, and leaves it the rest', async () => {
      const peer = await fixture.dial(await listen());
      peer.end(Buffer.concat([bytes, Buffer.from('early')]));
      const { connection, info } = await handledAt();
      expect(info).toEqual(told);
      expect(await text(connection)).toBe('early');
    });

    it('reads a header that arrives byte by byte', async () => {
      const peer = await fixture.dial(await listen());
      for (const byte of bytes) {
        peer.write(Buffer.from([byte]));
        await turns(2);
      }
      peer.end('rest');
      const { connection, info } = await handledAt();
      expect(info).toEqual(told);
      expect(await text(connection)).toBe('rest');
    });
  });

  it('tells nothing about connections that the proxy makes itself, or does not know', async () => {
    const endpoint = await listen();
    for (const bytes of [rawHeader({ versionAndCommand: 0x20 }), rawHeader({}), Buffer.from('PROXY UNKNOWN\r\n')]) {
      (await fixture.dial(endpoint)).write(bytes);
    }
    await until(() => handled.length === 3);
    expect(handled.map(({ info }) => info)).toEqual([{}, {}, {}]);
  });

  it('tells the handler the paths of unix sockets', async () => {
    (await fixture.dial(await listen())).write(unixHeader('', '/run/proxy.sock'));
    expect((await handledAt()).info).toEqual({ destination: 'unix:/run/proxy.sock' });
  });

  it('does not look for a header without the option', async () => {
    transport = fixture.create();
    (await fixture.dial(await listen())).end(header);
    const { connection, info } = await handledAt();
    expect(info).toEqual({});
    expect(header.equals(await buffer(connection))).toBe(true);
  });

  it.each([
    ['missing: an HTTP/2 preface', preface],
    ['malformed', 'PROXY TCP4 192.0.2.1 nowhere 1 2\r\n'],
    ['too long', `PROXY UNKNOWN ${'x'.repeat(100)}\r\n`],
  ])('closes a connection at once whose header is %s', async (_, bytes) => {
    const accepted: unknown[] = [];
    onDiagnostic('accept', transport, (message) => accepted.push(message));
    const endpoint = await listen();
    const peer = await fixture.dial(endpoint);
    peer.write(bytes);
    await new Promise((resolve) => peer.resume().once('close', resolve));
    await until(() => drops.length === 1);
    expect(drops[0]).toMatchObject({ transport, endpoint, reason: 'proxyProtocol', error: { code: 'IO', endpoint } });
    expect(drops[0]?.error?.hint).toContain('proxyProtocol');
    expect([...handled, ...accepted]).toEqual([]);
  });

  it.each([false, true])(
    'drops a connection that ends within its header (allowHalfOpen: %s)',
    async (allowHalfOpen) => {
      (await fixture.dial(await listen({ allowHalfOpen }))).end(header.subarray(0, -1));
      await until(() => drops.length === 1);
      expect(drops[0]).toMatchObject({ reason: 'proxyProtocol', error: { code: 'IO' } });
    },
  );

  it('drops a connection whose peer disappears', async () => {
    const peer = await fixture.dial(await listen());
    peer.write(header.subarray(0, 1));
    await turns(5);
    if (variant.resets) peer.resetAndDestroy();
    else peer.destroy();
    await until(() => drops.length === 1);
    expect(drops[0]).toMatchObject({ reason: 'proxyProtocol', error: { code: 'IO' } });
  });

  it.each([0, 1, header.length - 1])('closes a connection with %i bytes of a header after timeoutMs', async (count) => {
    replace({ timeoutMs: 100 });
    const endpoint = await listen();
    const peer = await fixture.dial(endpoint);
    const started = performance.now();
    peer.write(header.subarray(0, count));
    // Others do not wait.
    (await fixture.dial(endpoint)).write(header);
    expect((await handledAt()).info).toEqual(told);
    await new Promise((resolve) => peer.resume().once('close', resolve));
    expect(performance.now() - started).toBeGreaterThan(50);
    expect(drops).toMatchObject([{ reason: 'proxyProtocol', error: { code: 'TIMEOUT', endpoint } }]);
    expect(handled).toHaveLength(1);
  });

  it('closes a peer that dribbles its header for too long', async () => {
    replace({ timeoutMs: 100 });
    const peer = await fixture.dial(await listen());
    let sent = 0;
    const timer = setInterval(() => peer.write(header.subarray(sent, ++sent)), 20);
    onTestFinished(() => {
      clearInterval(timer);
    });
    await new Promise((resolve) => peer.resume().once('close', resolve));
    expect(sent).toBeLessThan(header.length);
    expect(drops).toMatchObject([{ reason: 'proxyProtocol', error: { code: 'TIMEOUT' } }]);
  });

  it('does not count the time for which this process stood still', async () => {
    replace({ timeoutMs: 100 });
    const endpoint = await listen();
    const accepted = await fixture.dial(endpoint);
    await turns(5);
    accepted.write(header);
    standStill(300);
    expect((await handledAt()).info).toEqual(told);
  });

  it('leaves no timer behind', async () => {
    const before = timers();
    const endpoint = await listen();
    (await fixture.dial(endpoint)).write(header);
    (await fixture.dial(endpoint)).write(preface);
    await until(() => handled.length === 1 && drops.length === 1);
    await until(() => timers() <= before);
  });

  it('counts a connection without its header for maxConnections', async () => {
    replace({}, { maxConnections: 1 });
    const endpoint = await listen();
    const silent = await fixture.dial(endpoint);
    const other = (await fixture.dial(endpoint)).resume();
    await until(() => other.destroyed);
    expect(drops).toMatchObject([{ reason: 'maxConnections' }]);
    silent.write(header);
    await handledAt();
  });

  it('close ends a connection without its header at once', async () => {
    replace({ timeoutMs: Infinity });
    const before = timers();
    const endpoint = await listen();
    const silent = await acceptedWithoutHeader(endpoint);
    expect(await durationOf(() => transport.close({ graceMs: 60_000 }))).toBeLessThan(30_000);
    await until(() => silent.resume().destroyed);
    expect(drops).toMatchObject([{ reason: 'closing' }]);
    await until(() => timers() <= before);
    expect(handled).toHaveLength(1);
  });

  it('stopListening lets a connection get its header', async () => {
    const peer = await acceptedWithoutHeader(await listen());
    await transport.stopListening();
    peer.end(Buffer.concat([header, Buffer.from('data')]));
    expect(await text((await handledAt(1)).connection)).toBe('data');
  });

  it('passes connections on before they flow, and loses no early data to a handler that reads late', async () => {
    const flowing: unknown[] = [];
    const endpoint = await listen({
      onConnection: (connection, info) => {
        flowing.push(connection.readableFlowing, connection.isPaused());
        handled.push({ connection, info });
      },
    });
    const early = Buffer.alloc(2 ** 18, 'early');
    (await fixture.dial(endpoint)).end(Buffer.concat([header, early]));
    const { connection } = await handledAt();
    expect(flowing).toEqual([null, false]);
    await turns(30);
    expect(early.equals(await buffer(connection))).toBe(true);
  });

  it.each([false, true])(
    'lets a handler see the end of a peer with nothing but a header (half-open: %s)',
    async (half) => {
      const peer = await fixture.dial(await listen({ allowHalfOpen: half }), { allowHalfOpen: true });
      peer.end(header);
      const { connection } = await handledAt();
      await turns(30);
      // As with every socket: an end without data before it is seen by itself.
      await until(() => connection.readableEnded);
      if (half) connection.end('answer');
      expect(await text(peer)).toBe(half ? 'answer' : '');
    },
  );

  it('ends connections without a handler when their peer does', async () => {
    const peer = await fixture.dial(await listen({ onConnection: undefined }), { allowHalfOpen: true });
    peer.end(header);
    expect(await text(peer)).toBe('');
  });

  it('works on a socket that was handed over', async () => {
    const host = fixture.create();
    if (!(host instanceof SocketTransport)) throw new Error('unreachable');
    const { endpoint, fd } = await host.hold();
    const peer = await fixture.dial(endpoint);
    peer.write(header);
    spawnProgram(script(import.meta.url, handedOver, host.network, endpoint), {}, ['pipe', 'pipe', 'inherit', fd]);
    expect(JSON.parse(await text(peer))).toEqual(told);
  });

  describe('and early data', () => {
    /** Whether data was there with the header. */
    let hadRest: boolean;

    function serve(onConnection: (connection: Socket) => void): Promise<string> {
      return listen({
        onConnection: (connection, info) => {
          hadRest = connection.readableLength > 0;
          handled.push({ connection, info });
          onConnection(connection);
        },
      });
    }

    it('serves HTTP', async () => {
      const server = createHttpServer((_, response) => response.end('hello'));
      const socket = await fixture.dial(await serve((connection) => server.emit('connection', connection)));
      socket.write(header);
      const requested = request({ createConnection: () => socket, path: '/' }).end();
      const [response] = (await once(requested, 'response')) as [NodeJS.ReadableStream];
      expect(await text(response)).toBe('hello');
      expect(hadRest).toBe(true);
      expect(handled).toMatchObject([{ info: told }]);
    });

    it('serves HTTP/2', async () => {
      const server = createHttp2Server((_, response) => response.end('hello'));
      const socket = await fixture.dial(await serve((connection) => server.emit('connection', connection)));
      socket.write(header);
      const session = connectHttp2('http://localhost', { createConnection: () => socket });
      expect(await text(session.request({ ':path': '/' }))).toBe('hello');
      expect(hadRest).toBe(true);
      session.destroy();
    });

    it('serves TLS', async () => {
      const { certificate, key } = await identity;
      const socket = await fixture.dial(
        await serve((connection) => {
          const options = { isServer: true, cert: certificate, key };
          new TLSSocket(connection, options).on('error', () => undefined).end('hello');
        }),
      );
      socket.write(header);
      expect(await text(connectTls({ socket, ca: certificate, servername: 'localhost' }))).toBe('hello');
      expect(hadRest).toBe(true);
    });
  });

  describe('and pauseOnConnect', () => {
    it.each(Object.entries(headers))('reads nothing behind a header of %s', async (_, bytes) => {
      const peer = await fixture.dial(await listen({ pauseOnConnect: true }));
      peer.end(Buffer.concat([bytes, Buffer.from('early')]));
      const { connection, info } = await handledAt();
      expect(info).toEqual(told);
      expect(connection.isPaused()).toBe(true);
      await turns(30);
      expect([connection.bytesRead, connection.readableLength]).toEqual([0, 0]);
      expect(await text(connection)).toBe('early');
    });

    it('hands another process all that follows a header', async () => {
      const taker = new SocketTaker();
      const endpoint = await listen({ onConnection: (socket) => taker.take(socket), pauseOnConnect: true });
      const data = Buffer.alloc(MANY_BYTES, 'data');
      const peer = await fixture.dial(endpoint);
      peer.end(Buffer.concat([header, data]));
      expect(data.equals(await buffer(peer))).toBe(true);
    });

    it('reads a header that arrives byte by byte', async () => {
      const peer = await fixture.dial(await listen({ pauseOnConnect: true }));
      for (const byte of header) {
        peer.write(Buffer.from([byte]));
        await turns(2);
      }
      expect((await handledAt()).info).toEqual(told);
    });

    it.each([
      ['missing', preface, 'IO'],
      ['cut short', header.subarray(0, 20), 'IO'],
      ['late', '', 'TIMEOUT'],
    ])('drops a connection whose header is %s', async (what, bytes, code) => {
      replace({ timeoutMs: what === 'late' ? 50 : 60_000 });
      const peer = await fixture.dial(await listen({ pauseOnConnect: true }), { allowHalfOpen: true });
      if (what === 'late') peer.write(bytes);
      else peer.end(bytes);
      await until(() => drops.length === 1);
      expect(drops).toMatchObject([{ reason: 'proxyProtocol', error: { code } }]);
      expect(handled).toEqual([]);
    });
  });
});

const identity = makeIdentity(sharedDirectory(), 'localhost');
