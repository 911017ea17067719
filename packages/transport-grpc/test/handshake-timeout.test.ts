import { once } from 'node:events';
import type { Socket } from 'node:net';
import { Duplex, PassThrough } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { connectivityState, Metadata, status } from '@grpc/grpc-js';
import {
  codeOf,
  durationOf,
  onDiagnostic,
  rejectionOf,
  settlesWithin,
  sharedDirectory,
  standStill,
  timers,
  until,
} from '@rpcplugin/test-support';
import type { DropMessage } from '@rpcplugin/transport-core';
import { describe, expect, it, onTestFinished } from 'vitest';
import { connectGrpcTarget, serveGrpc } from '../src/index.js';
import { clientTls, makeIdentity, serverTls } from './certificates.js';
import { flags, frame, frameTypes, preface } from './http2-frames.js';
import { ask, call, Probe, ProbeServer } from './service.js';
import {
  connected,
  insecure,
  insecureServer,
  networks,
  plainConnection,
  plainServer,
  PROMPT_MS,
  probeClient,
  startPlugin,
  transportOf,
} from './support.js';

const identity = await makeIdentity(sharedDirectory(), 'localhost');
/** Long after the time limits below, also on a busy machine, in milliseconds. */
const LATE_MS = 10_000;
const clientHello = await firstMessage();

/** What a TLS client sends first. */
async function firstMessage(): Promise<Buffer> {
  const said = new PassThrough();
  const socket = Duplex.from({ readable: new PassThrough(), writable: said });
  const client = connectTls({ socket }).on('error', () => undefined);
  const [hello] = (await once(said, 'data')) as [Buffer];
  client.destroy();
  return hello;
}

/** Waits until the server has closed the peers. Fails if it keeps one. */
async function disconnected(...peers: Duplex[]): Promise<void> {
  const ends = peers.map((peer) => new Promise((resolve) => peer.on('error', () => undefined).once('close', resolve)));
  for (const peer of peers) peer.resume();
  expect(await settlesWithin(LATE_MS, Promise.all(ends)), 'the server closes peers without a handshake').toBe(true);
}

describe.each(networks)('handshakeTimeoutMs over %s', (network) => {
  const serve = { handshakeTimeoutMs: 100 };

  it('closes a peer that sends nothing, and publishes a drop', async () => {
    const { endpoint, transport } = await startPlugin(network, { serve });
    const drops: DropMessage[] = [];
    onDiagnostic('drop', transport, (message) => drops.push(message));
    const started = performance.now();
    await disconnected(await plainConnection(endpoint));
    expect(performance.now() - started).toBeGreaterThan(95);
    expect(drops).toEqual([{ transport, network: transport.network, endpoint, reason: 'handshake' }]);
  });

  it.each(['without TLS', 'with TLS'])(
    'closes peers %s that send a part of their greeting, or dribble',
    async (security) => {
      const secured = security === 'with TLS';
      const credentials = secured ? serverTls(identity) : insecureServer;
      // Long enough for several bytes, also on a busy machine.
      const { accepted, endpoint } = await startPlugin(network, { credentials, serve: { handshakeTimeoutMs: 500 } });
      const greeting = secured ? clientHello : preface;
      const parts = [greeting.subarray(0, 1), greeting.subarray(0, -1), preface.subarray(0, 24)];
      const peers = await Promise.all(
        parts.map(async (part) => {
          const peer = await plainConnection(endpoint);
          peer.write(part);
          return peer;
        }),
      );
      const dribbling = await plainConnection(endpoint);
      let sent = 0;
      const timer = setInterval(() => dribbling.write(greeting.subarray(sent, ++sent)), 50);
      onTestFinished(() => {
        clearInterval(timer);
      });
      await Promise.all([disconnected(...peers), disconnected(dribbling)]);
      expect(sent).toBeGreaterThan(1);
      expect(sent).toBeLessThan(greeting.length);
      await until(() => accepted.every(({ destroyed }) => destroyed));
    },
  );

  it('closes a peer that stops after the TLS handshake', async () => {
    const { accepted, endpoint } = await startPlugin(network, { credentials: serverTls(identity), serve });
    const socket = await plainConnection(endpoint);
    const secured = connectTls({ socket, ca: identity.certificate, servername: 'localhost', ALPNProtocols: ['h2'] });
    secured.write(preface.subarray(0, -1));
    await disconnected(secured);
    await until(() => accepted.every(({ destroyed }) => destroyed));
  });

  it('closes a TLS connection without HTTP/2 before the time limit', async () => {
    const { accepted, endpoint } = await startPlugin(network, { credentials: serverTls(identity) });
    const socket = await plainConnection(endpoint);
    const secured = connectTls({ socket, ca: identity.certificate, servername: 'localhost' });
    await once(secured, 'secureConnect');
    secured.resume();
    await until(() => accepted.every(({ destroyed }) => destroyed), { timeoutMs: PROMPT_MS });
  });

  it('does not let close wait for a handshake', async () => {
    const { accepted, endpoint, listener } = await startPlugin(network);
    const peer = await plainConnection(endpoint);
    peer.write(preface.subarray(0, 1));
    await until(() => accepted[0]?.bytesRead === 1);
    expect(await durationOf(() => listener.close({ graceMs: 60_000 }))).toBeLessThan(30_000);
  });

  it('leaves no timer for a peer that disconnects', async () => {
    const { accepted, endpoint } = await startPlugin(network, { serve: { handshakeTimeoutMs: 60_000 } });
    const before = timers();
    const peers = await Promise.all(Array.from({ length: 5 }, () => plainConnection(endpoint)));
    await until(() => accepted.length === peers.length);
    expect(timers()).toBeGreaterThanOrEqual(peers.length);
    for (const peer of peers) peer.destroy();
    await until(() => timers() <= before);
  });

  it('keeps a peer whose handshake arrived while this process stood still', async () => {
    const { accepted, endpoint } = await startPlugin(network, { serve });
    const peer = await plainConnection(endpoint);
    await until(() => accepted.length === 1);
    peer.resume().write(preface);
    standStill(400);
    await disconnected(await plainConnection(endpoint));
    expect(accepted[0]?.destroyed).toBe(false);
  });

  it('closes a thousand silent peers while it serves others', async () => {
    const { accepted, endpoint } = await startPlugin(network, { serve: { handshakeTimeoutMs: 1000 } });
    const client = await probeClient(endpoint);
    const peers = [];
    // One by one: plain sockets do not wait for room in the backlog.
    while (peers.length < 1000) peers.push(await plainConnection(endpoint));
    expect(await ask(client, 'echo', 'hello')).toBe('hello');
    await disconnected(...peers);
    await until(() => accepted.filter((socket) => !socket.closed).length === 1);
    expect(await ask(client, 'echo', 'hello')).toBe('hello');
  });

  it('closes no peer when set to Infinity', async () => {
    const { accepted, endpoint } = await startPlugin(network, { serve: { handshakeTimeoutMs: Infinity } });
    const peer = await plainConnection(endpoint);
    const other = await startPlugin(network, { serve });
    await disconnected(await plainConnection(other.endpoint));
    expect(peer.destroyed).toBe(false);
    expect(accepted[0]?.destroyed).toBe(false);
  });

  it.each([-1, NaN, '5', null])('rejects %s with INVALID_ARGUMENT, and does not listen', async (value) => {
    const transport = await transportOf(network);
    const options = { handshakeTimeoutMs: value as number };
    const error = await rejectionOf(serveGrpc(new ProbeServer('test').server, transport, insecureServer, options));
    expect(error.code).toBe('INVALID_ARGUMENT');
    expect(error.message).toContain('handshakeTimeoutMs');
    expect(transport.endpoint).toBeUndefined();
  });
});

describe.each(networks)('timeoutMs of connectGrpc over %s', (network) => {
  it('ends a later connection on which the server does not begin HTTP/2', async () => {
    const { endpoint, sockets } = await plainServer(network, (socket) => {
      const settings = Buffer.concat([frame(frameTypes.settings), frame(frameTypes.settings, flags.ack)]);
      socket.resume().write(sockets.length === 1 ? settings : settings.subarray(0, 1));
    });
    const connection = await connected(endpoint, insecure, { timeoutMs: 500 });
    sockets[0]?.destroy();
    await until(() => connection.channel.getConnectivityState(false) !== connectivityState.READY);
    const answer = call(connection.client(Probe), 'echo', '', { deadline: Date.now() + 60_000 });
    expect(await codeOf(answer)).toBe(status.UNAVAILABLE);
    await until(() => sockets.length === 2 && sockets.every((socket) => socket.destroyed));
  });
});

describe('timeoutMs with TLS', () => {
  /** A relay to a plugin, which says nothing to those that connect while it is silent. */
  async function relay(): Promise<{ endpoint: string; sockets: readonly Socket[]; isSilent: boolean }> {
    const { endpoint } = await startPlugin('tcp', { credentials: serverTls(identity) });
    const server = await plainServer('tcp', (socket) => {
      socket.on('error', () => undefined);
      if (state.isSilent) socket.resume();
      else void plainConnection(endpoint).then((onward) => onward.pipe(socket).pipe(onward));
    });
    const state = { endpoint: server.endpoint, sockets: server.sockets, isSilent: false };
    return state;
  }

  const tls = clientTls(identity);
  const options = { timeoutMs: 2000, authority: 'localhost' };

  it.each([
    { name: 'connectGrpc', connect: (endpoint: string) => connected(endpoint, tls, options) },
    {
      name: 'connectGrpcTarget',
      connect: async (endpoint: string) => {
        const connection = await connectGrpcTarget(`ipv4:${endpoint}`, tls, options);
        onTestFinished(() => connection.close({ graceMs: 0 }));
        return connection;
      },
    },
  ])('$name gives up a later connection to a server that says nothing, and connects again', async ({ connect }) => {
    const server = await relay();
    const connection = await connect(server.endpoint);
    const client = connection.client(Probe);
    server.isSilent = true;
    server.sockets[0]?.destroy();
    await until(() => connection.channel.getConnectivityState(true) !== connectivityState.READY);
    const answer = call(client, 'echo', '', { deadline: Date.now() + 30_000 });
    expect(await codeOf(answer)).toBe(status.UNAVAILABLE);
    await until(() => server.sockets[1]?.destroyed === true);
    server.isSilent = false;
    const again = { deadline: Date.now() + 30_000, metadata: new Metadata({ waitForReady: true }) };
    expect((await call(client, 'echo', 'hello', again)).value.toString()).toBe('hello');
  });
});
