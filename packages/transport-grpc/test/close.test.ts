import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { connectivityState, Metadata, Server, status } from '@grpc/grpc-js';
import type { handleUnaryCall } from '@grpc/grpc-js';
import { parseEndpoint } from '@rpcplugin/endpoint-utils';
import {
  closed,
  codeOf,
  durationOf,
  onDiagnostic,
  openDescriptors,
  rejectionOf,
  settlesWithin,
  sharedDirectory,
  until,
} from '@rpcplugin/test-support';
import { TransportError } from '@rpcplugin/transport-core';
import { TCPSocketTransport } from '@rpcplugin/transport-tcp';
import { describe, expect, it, onTestFinished } from 'vitest';
import { serveGrpc } from '../src/index.js';
import type { GrpcListener } from '../src/index.js';
import { makeIdentity, serverTls } from './certificates.js';
import { callHeaders, flags, frame, frameTypes, headerBlock, preface } from './http2-frames.js';
import { ask, call, Probe, probeService, requestsWithoutEnd } from './service.js';
import {
  connectTo,
  connected,
  insecure,
  insecureServer,
  networks,
  noSocketsLeft,
  plainConnection,
  plainServer,
  probeClient,
  startPlugin,
  transportOf,
  PROMPT_MS,
} from './support.js';

const identity = await makeIdentity(sharedDirectory(), 'localhost');
const absent = /^(NOT_FOUND|CONNECTION_REFUSED)$/;

describe.each(networks)('GrpcListener.close over %s', (network) => {
  it('lets a call in progress finish, and accepts no more connections', async () => {
    const { endpoint, listener, probe } = await startPlugin(network);
    const client = await probeClient(endpoint);
    const arrived = probe.nextHanging();
    const answer = ask(client, 'hang', 'worth waiting for');
    await arrived;
    const closing = listener.close({ graceMs: 20_000 });
    expect((await rejectionOf(connectTo(endpoint, insecure, { waitMs: 0 }))).code).toMatch(absent);
    probe.release();
    expect(await answer).toBe('worth waiting for');
    expect(await durationOf(() => closing)).toBeLessThan(PROMPT_MS);
  });

  it('refuses calls that a client sent before its connection was ready, so that the client can repeat them', async () => {
    const { endpoint, listener, transport } = await startPlugin(network);
    const closing = new Promise<void>((resolve) => {
      onDiagnostic('accept', transport, () => {
        resolve(listener.close({ graceMs: 20_000 }));
      });
    });
    const peer = connect({ ...parseEndpoint(endpoint), allowHalfOpen: false });
    onTestFinished(() => void peer.destroy());
    const hanging = frame(frameTypes.headers, flags.endHeaders, 1, headerBlock(callHeaders('/test.Probe/Hang')));
    peer.write(Buffer.concat([preface, hanging]));
    const chunks: Buffer[] = [];
    peer.on('data', (chunk: Buffer) => chunks.push(chunk));
    await once(peer, 'end');
    // GOAWAY without an error: RFC 9113, section 6.8.
    expect(Buffer.concat(chunks).toString('hex')).toMatch(/0000080700000000000000000000000000/);
    await closing;
  });

  it('leaves a client the time to read the rest of a complete response', async () => {
    const { endpoint, listener } = await startPlugin(network);
    // More than grpc-js reads ahead.
    const parts = Array.from({ length: 50 }, (_, index) => `${index} ${'x'.repeat(500)}`);
    const response = (await probeClient(endpoint)).split(Buffer.from(parts.join(',')), new Metadata(), {});
    const received: string[] = [];
    response.on('data', (part: Buffer) => received.push(String(part)));
    await once(response, 'data');
    response.pause();
    const closing = listener.close({ graceMs: 20_000 });
    // Connections are looked at every 250 ms.
    expect(await settlesWithin(750, once(response, 'error'))).toBe(false);
    response.resume();
    await once(response, 'end');
    expect(received).toEqual(parts);
    expect(await durationOf(() => closing)).toBeLessThan(PROMPT_MS);
  });

  it.each(['without TLS', 'with TLS'])(
    'sends the whole of a large response to a client that reads late, %s',
    async (security) => {
      const secured = security === 'with TLS';
      const response = Buffer.alloc(8 * 2 ** 20);
      const server = new Server();
      const called = new Promise<void>((resolve) => {
        const echo: handleUnaryCall<Buffer, Buffer> = (_, done) => {
          done(null, response);
          resolve();
        };
        server.addService({ echo: probeService.echo }, { echo });
      });
      const credentials = secured ? serverTls(identity) : insecureServer;
      const listener = await serveGrpc(server, await transportOf(network), credentials);
      const socket = await plainConnection(listener.endpoint);
      const tls = { socket, ca: identity.certificate, servername: 'localhost', ALPNProtocols: ['h2'] };
      const peer = (secured ? connectTls(tls) : socket).pause();
      const window = Buffer.alloc(4);
      window.writeUInt32BE(2 ** 30);
      const windows = [0, 1].map((stream) => frame(frameTypes.windowUpdate, 0, stream, window));
      const call = frame(frameTypes.headers, flags.endHeaders, 1, headerBlock(callHeaders('/test.Probe/Echo')));
      const request = frame(frameTypes.data, flags.endStream, 1, Buffer.alloc(5));
      peer.write(Buffer.concat([preface, call, ...windows, request]));
      await called;
      const closing = listener.close({ graceMs: 20_000 });
      // Connections are looked at every 250 ms.
      expect(await settlesWithin(1000, closing)).toBe(false);
      let received = 0;
      peer.on('data', (chunk: Buffer) => (received += chunk.length)).resume();
      await once(peer, 'end');
      expect(received).toBeGreaterThan(response.length);
      await closing;
    },
  );

  it('accepts no more calls on open connections', async () => {
    const { endpoint, listener, probe } = await startPlugin(network);
    const client = await probeClient(endpoint);
    const arrived = probe.nextHanging();
    const answer = ask(client, 'hang', 'first');
    await arrived;
    const closing = listener.close({ graceMs: 20_000 });
    await until(async () => (await ask(client, 'echo').catch(() => 'refused')) === 'refused');
    expect(await codeOf(call(client, 'echo'))).toBe(status.UNAVAILABLE);
    probe.release();
    expect(await answer).toBe('first');
    await closing;
  });

  it('cuts off a call that outlasts the grace period', async () => {
    const { endpoint, listener, probe } = await startPlugin(network);
    const client = await probeClient(endpoint);
    const arrived = probe.nextHanging();
    const answer = codeOf(call(client, 'hang'));
    const hanging = await arrived;
    const started = performance.now();
    expect(await settlesWithin(900, Promise.all([listener.close({ graceMs: 200 }), answer]))).toBe(true);
    expect(performance.now() - started).toBeGreaterThan(190);
    expect(await answer).toBe(status.UNAVAILABLE);
    await until(() => hanging.cancelled);
  });

  // If their connection was destroyed at once, most of them would end with INTERNAL.
  it('cuts off calls with UNAVAILABLE while an ordinary channel sends requests', async () => {
    const outcomes: unknown[] = [];
    for (let round = 0; round < 3; round++) {
      const { endpoint, listener, probe } = await startPlugin(network);
      const client = new Probe(endpoint, insecure);
      onTestFinished(() => {
        client.close();
      });
      const arrived = probe.nextHanging();
      const hanging = codeOf(call(client, 'hang'));
      const sending = Promise.allSettled([
        requestsWithoutEnd(client, () => undefined),
        call(client, 'echo', 'x'.repeat(2 ** 20)),
      ]);
      await arrived;
      await listener.close({ graceMs: 0 });
      await sending;
      outcomes.push(await hanging);
    }
    expect(outcomes).toEqual(Array(3).fill(status.UNAVAILABLE));
  });

  it('gives calls a grace period of a second by default', async () => {
    const { endpoint, listener, probe } = await startPlugin(network);
    const client = await probeClient(endpoint);
    const arrived = probe.nextHanging();
    const answer = codeOf(call(client, 'hang'));
    await arrived;
    const started = performance.now();
    expect(await settlesWithin(1900, listener.close())).toBe(true);
    expect(performance.now() - started).toBeGreaterThan(990);
    expect(await answer).toBe(status.UNAVAILABLE);
  });

  it('shortens the grace period for a second close, but does not lengthen it', async () => {
    const { endpoint, listener, probe } = await startPlugin(network);
    const client = await probeClient(endpoint);
    const arrived = probe.nextHanging();
    const answer = codeOf(call(client, 'hang'));
    await arrived;
    const first = listener.close({ graceMs: 60_000 });
    const second = listener.close({ graceMs: 100 });
    const third = listener.close({ graceMs: 60_000 });
    expect(await settlesWithin(900, Promise.all([first, second, third]))).toBe(true);
    expect(await answer).toBe(status.UNAVAILABLE);
  });

  it('cuts off calls at once without a grace period', async () => {
    const { endpoint, listener, probe } = await startPlugin(network);
    const client = await probeClient(endpoint);
    const arrived = probe.nextHanging();
    const answer = codeOf(call(client, 'hang'));
    await arrived;
    expect(await settlesWithin(500, listener.close({ graceMs: 0 }))).toBe(true);
    expect(await answer).toBe(status.UNAVAILABLE);
  });

  it('is idempotent, and leaves the transport closed', async () => {
    const { listener, transport } = await startPlugin(network);
    await Promise.all([listener.close(), listener.close()]);
    await listener.close({ graceMs: 0 });
    expect(transport.endpoint).toBeUndefined();
    expect((await rejectionOf(transport.listen())).code).toBe('CLOSED');
  });

  it('rejects an invalid grace period and keeps serving', async () => {
    const { endpoint, listener } = await startPlugin(network);
    for (const graceMs of [-1, NaN, '1' as unknown as number]) {
      expect((await rejectionOf(listener.close({ graceMs }))).code).toBe('INVALID_ARGUMENT');
    }
    expect(await ask(await probeClient(endpoint), 'echo', 'still here')).toBe('still here');
  });

  it('runs at the end of `await using`', async () => {
    const { endpoint, listener: outer } = await startPlugin(network);
    {
      await using listener: GrpcListener = outer;
      expect(await ask(await probeClient(listener.endpoint), 'echo', 'inside')).toBe('inside');
    }
    expect((await rejectionOf(connectTo(endpoint, insecure, { waitMs: 0 }))).code).toMatch(absent);
  });

  it('does not wait for a peer that has sent nothing', async () => {
    const { accepted, endpoint, listener } = await startPlugin(network);
    const peer = await plainConnection(endpoint);
    await until(() => accepted.length === 1);
    expect(await durationOf(() => listener.close({ graceMs: 20_000 }))).toBeLessThan(PROMPT_MS);
    await closed(peer);
  });

  it('does not wait for idle connections', async () => {
    const { endpoint, listener } = await startPlugin(network);
    const clients = await Promise.all([probeClient(endpoint), probeClient(endpoint)]);
    await ask(clients[0], 'echo');
    expect(await durationOf(() => listener.close({ graceMs: 20_000 }))).toBeLessThan(PROMPT_MS);
  });

  it('cuts off a call in progress on a server without channelz', async () => {
    const { endpoint, listener, probe } = await startPlugin(network, { server: { 'grpc.enable_channelz': 0 } });
    const client = await probeClient(endpoint);
    const arrived = probe.nextHanging();
    const answer = codeOf(call(client, 'hang'));
    await arrived;
    expect(await settlesWithin(900, listener.close({ graceMs: 100 }))).toBe(true);
    expect(await answer).toBe(status.UNAVAILABLE);
  });

  it('cuts off a peer that does not end its side', async () => {
    const { endpoint, listener } = await startPlugin(network);
    const peer = connect({ ...parseEndpoint(endpoint), allowHalfOpen: true });
    onTestFinished(() => void peer.destroy());
    peer.resume().write(preface);
    await until(() => listener.connections === 1);
    expect(await settlesWithin(PROMPT_MS, listener.close({ graceMs: 0 }))).toBe(true);
  });

  it('cuts off a peer that stops reading', async () => {
    const { accepted, endpoint, listener } = await startPlugin(network);
    const client = await probeClient(endpoint);
    const answer = codeOf(requestsWithoutEnd(client, () => undefined));
    // The state of the server's socket when it can send no more, in the middle of a call.
    await until(() => (accepted[0]?.bytesRead ?? 0) > 1024 * 1024);
    accepted[0]?.pause();
    const tookMs = await durationOf(() => listener.close({ graceMs: 100 }));
    expect(tookMs).toBeLessThan(100 + PROMPT_MS);
    expect(await answer).toBe(status.UNAVAILABLE);
  });

  it('gives connections that its transport dialled the rest of the grace period', async () => {
    const { listener, transport } = await startPlugin(network);
    const { endpoint, sockets } = await plainServer(network);
    const connection = await transport.connect(endpoint);
    // A peer with unread data does not end its side.
    connection.write('unread');
    await until(() => sockets.some(({ bytesRead }) => bytesRead > 0));
    const tookMs = await durationOf(() => listener.close({ graceMs: 200 }));
    expect(tookMs).toBeGreaterThan(190);
    expect(tookMs).toBeLessThan(200 + PROMPT_MS);
    expect(connection.destroyed).toBe(true);
  });

  it('does not disturb the same server on other transports', async () => {
    const one = await startPlugin(network);
    const other = await startPlugin(network === 'unix' ? 'tcp' : 'unix', { probe: one.probe });
    const connection = await connected(other.endpoint);
    const client = connection.client(Probe);
    const arrived = one.probe.nextHanging();
    const answer = ask(client, 'hang', 'undisturbed');
    await arrived;
    await one.listener.close({ graceMs: 0 });
    expect(await ask(client, 'echo', 'old connection')).toBe('old connection');
    expect(await ask(await probeClient(other.endpoint), 'echo', 'new connection')).toBe('new connection');
    one.probe.release();
    expect(await answer).toBe('undisturbed');
  });

  it('leaves the server usable with another transport', async () => {
    const { listener, probe } = await startPlugin(network);
    await listener.close();
    const next = await startPlugin(network, { probe });
    expect(await ask(await probeClient(next.endpoint), 'echo', 'again')).toBe('again');
  });

  it('leaves no socket file and no descriptor', async () => {
    const before = openDescriptors();
    const { endpoint, listener, probe } = await startPlugin(network);
    const connection = await connected(endpoint);
    const client = connection.client(Probe);
    await ask(client, 'echo');
    const arrived = probe.nextHanging();
    const answer = codeOf(call(client, 'hang'));
    await arrived;
    const address = parseEndpoint(endpoint);
    if (address.network === 'unix') expect(existsSync(address.path)).toBe(true);
    await listener.close({ graceMs: 50 });
    if (address.network === 'unix') expect(existsSync(address.path)).toBe(false);
    await answer;
    await connection.close();
    await noSocketsLeft(before);
  });
});

describe('GrpcListener.close while peers connect', () => {
  /** Does not stop to listen before `release` is called. */
  class Slow extends TCPSocketTransport {
    release: () => void = () => undefined;
    readonly #released = new Promise<void>((resolve) => {
      this.release = resolve;
    });

    override async stopListening(): Promise<void> {
      await this.#released;
      await super.stopListening();
    }
  }

  it('does not wait for one that connects before its transport has stopped listening', async () => {
    const transport = new Slow();
    const { endpoint, listener } = await startPlugin('tcp', { transport });
    const closing = listener.close({ graceMs: 60_000 });
    const client = await probeClient(endpoint);
    expect(await ask(client, 'echo', 'late')).toBe('late');
    transport.release();
    expect(await settlesWithin(PROMPT_MS, closing)).toBe(true);
  });
});

describe('GrpcListener.close when the address cannot be released', () => {
  class Clinging extends TCPSocketTransport {
    #tried = false;

    override async stopListening(): Promise<void> {
      await super.stopListening();
      if (this.#tried) return;
      this.#tried = true;
      throw new TransportError('IO', 'simulated file system failure');
    }
  }

  it('rejects for every caller, and still ends the connections', async () => {
    const { accepted, endpoint, listener } = await startPlugin('tcp', { transport: new Clinging() });
    await probeClient(endpoint);
    const outcomes = [listener.close(), listener.close(), listener.close({ graceMs: 0 })].map(rejectionOf);
    const errors = await Promise.all(outcomes);
    expect(errors.map(({ message }) => message)).toEqual(Array(3).fill('simulated file system failure'));
    expect(accepted.every((socket) => socket.destroyed)).toBe(true);
  });
});

describe('a call during GrpcListener.close', () => {
  it('ends as UNAVAILABLE when its connection breaks within the grace period', async () => {
    const { accepted, endpoint, listener, probe } = await startPlugin('tcp');
    const connection = await connected(endpoint);
    const arrived = probe.nextHanging();
    const answer = codeOf(call(connection.client(Probe), 'hang'));
    await arrived;
    const closing = listener.close({ graceMs: 20_000 });
    // The client knows that the server is closing.
    await until(() => connection.channel.getConnectivityState(false) === connectivityState.IDLE);
    accepted[0]?.resetAndDestroy();
    expect(await answer).toBe(status.UNAVAILABLE);
    await closing;
  });
});
