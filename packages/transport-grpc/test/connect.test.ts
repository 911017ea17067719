import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Metadata, status } from '@grpc/grpc-js';
import type { ChannelCredentials } from '@grpc/grpc-js';
import { parseEndpoint } from '@rpcplugin/endpoint-utils';
import {
  closed,
  codeOf,
  durationOf,
  freshDirectory,
  openDescriptors,
  rejectionOf,
  settlesWithin,
  settlesWithoutIO,
  startChild,
  turns,
  until,
} from '@rpcplugin/test-support';
import { UnixSocketTransport } from '@rpcplugin/transport-unix';
import { describe, expect, it } from 'vitest';
import { connectGrpc, serveGrpc } from '../src/index.js';
import type { ConnectGrpcOptions, GrpcConnection } from '../src/index.js';
import { clientTls, makeIdentity } from './certificates.js';
import { ask, call, Name, Probe, ProbeServer } from './service.js';
import {
  connectTo,
  connected,
  freeEndpoint,
  listenEndpoint,
  insecure,
  insecureServer,
  networks,
  noSocketsLeft,
  plainServer,
  probeClient,
  PROMPT_MS,
  startPlugin,
  transportAt,
  childCommand,
} from './support.js';

const security = {
  'without TLS': (): Promise<ChannelCredentials> => Promise.resolve(insecure),
  'with TLS': async () => clientTls(await makeIdentity(await freshDirectory(), 'localhost')),
};

it('connectGrpc succeeds in a burst larger than the backlog of a unix listener', async () => {
  const path = join(await freshDirectory(), 'p.sock');
  const { endpoint } = await startPlugin('unix', { transport: new UnixSocketTransport({ path, backlog: 1 }) });
  const clients = await Promise.all(
    Array.from({ length: 50 }, () => probeClient(endpoint, insecure, { timeoutMs: 20_000 })),
  );
  expect(await Promise.all(clients.map((client) => ask(client, 'echo', 'hello')))).toEqual(Array(50).fill('hello'));
});

describe.each(networks)('connectGrpc over %s', (network) => {
  it('does nothing with an aborted signal', async () => {
    const { endpoint, sockets } = await plainServer(network);
    const reason = new Error('no longer wanted');
    const connecting = connectTo(endpoint, insecure, { signal: AbortSignal.abort(reason) });
    expect(await settlesWithoutIO(connecting)).toBe(true);
    expect(await rejectionOf(connecting)).toMatchObject({ code: 'ABORTED', cause: reason, endpoint });
    expect(sockets).toHaveLength(0);
  });

  describe.each(Object.entries(security))('%s', (_name, credentials) => {
    it('stops when aborted, and leaves no connection', async () => {
      const own = await credentials();
      const server = await plainServer(network);
      const { endpoint, sockets } = server;
      const before = openDescriptors();
      const aborter = new AbortController();
      const accepted = server.nextSocket();
      const connecting = rejectionOf(connectTo(endpoint, own, { signal: aborter.signal }));
      const peer = await accepted;
      await once(peer, 'readable');
      const reason = new Error('no longer wanted');
      aborter.abort(reason);
      expect(await connecting).toMatchObject({ code: 'ABORTED', cause: reason, endpoint });
      await Promise.all(sockets.map(closed));
      await noSocketsLeft(before, { timeoutMs: 2000 });
    });

    it('does not dial again after a timeout', async () => {
      const own = await credentials();
      const [{ endpoint, sockets }, other] = [await plainServer(network), await plainServer(network)];
      await rejectionOf(connectTo(endpoint, own, { timeoutMs: 100 }));
      const dialled = sockets.length;
      // Long enough for many back-offs of a channel.
      await rejectionOf(connectTo(other.endpoint, own, { timeoutMs: 400 }));
      expect(sockets).toHaveLength(dialled);
    });

    it('times out at a server that accepts but never answers, and leaves no connection', async () => {
      const own = await credentials();
      const { endpoint, sockets } = await plainServer(network);
      const before = openDescriptors();
      // A timer counts from the start of its event loop turn, and creating credentials takes a while.
      await turns(1);
      const started = performance.now();
      const connecting = connectTo(endpoint, own, { timeoutMs: 200 });
      expect(await settlesWithin(1000, connecting)).toBe(true);
      expect(performance.now() - started).toBeGreaterThan(190);
      const error = await rejectionOf(connecting);
      expect(error).toMatchObject({ code: 'TIMEOUT', endpoint });
      expect(error.hint).toMatch(/^A connection was accepted.*gRPC server/);
      expect(error.message).toMatch(/within \d+ ms$/);
      await Promise.all(sockets.map(closed));
      await noSocketsLeft(before, { timeoutMs: 2000 });
    });

    it.each([
      { name: 'accepts and closes at once', answer: undefined },
      { name: 'speaks another protocol', answer: 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n' },
      { name: 'sends garbage', answer: Buffer.alloc(4096, 0xa5) },
    ])('rejects promptly with IO for a server that $name', async ({ answer }) => {
      const own = await credentials();
      const { endpoint } = await plainServer(network, (socket) => {
        if (answer === undefined) socket.destroy();
        else socket.resume().write(answer);
      });
      const before = openDescriptors();
      const connecting = connectTo(endpoint, own, { timeoutMs: 20_000 });
      const tookMs = durationOf(() => connecting);
      const error = await rejectionOf(connecting);
      expect(error).toMatchObject({ code: 'IO', endpoint });
      expect(error.message).toContain(endpoint);
      expect(error.cause).toBeInstanceOf(Error);
      expect(await tookMs).toBeLessThan(PROMPT_MS);
      await noSocketsLeft(before, { timeoutMs: 2000 });
    });
  });

  it('reaches a plugin that replaces a listener that hangs up', async () => {
    const former = await plainServer(network, (socket) => {
      socket.destroy();
      former.close();
    });
    const { endpoint } = former;
    const gone = former.nextSocket().then(closed);
    const connecting = connected(endpoint, insecure, { timeoutMs: 20_000, waitMs: 20_000 });
    await gone;
    await startPlugin(network, { transport: transportAt(endpoint), name: 'latter' });
    expect(await ask((await connecting).client(Name), 'name')).toBe('latter');
  });

  // grpc-js alone takes a second.
  it('reaches an endpoint as soon as it appears', async () => {
    const endpoint = await freeEndpoint(network);
    const connecting = connected(endpoint, insecure, { timeoutMs: 20_000, waitMs: 20_000 });
    await sleep(200);
    await serveGrpc(new ProbeServer('late').server, transportAt(endpoint), insecureServer);
    expect(await settlesWithin(250, connecting)).toBe(true);
    expect(await ask((await connecting).client(Name), 'name')).toBe('late');
  });

  it('waits waitMs for an endpoint that never appears, and names it in the error', async () => {
    const endpoint = await freeEndpoint(network);
    const started = performance.now();
    const connecting = connectTo(endpoint, insecure, { waitMs: 200 });
    expect(await settlesWithin(900, connecting)).toBe(true);
    expect(performance.now() - started).toBeGreaterThan(190);
    const error = await rejectionOf(connecting);
    expect(error).toMatchObject({ code: network === 'unix' ? 'NOT_FOUND' : 'CONNECTION_REFUSED', endpoint });
    expect(error.message).toContain(endpoint.replace('unix:', ''));
    expect(error.hint).toContain('waitMs');
  });

  it('waits as long as a transport of the network does by default', async () => {
    const endpoint = await freeEndpoint(network);
    const started = performance.now();
    expect(await settlesWithin(network === 'unix' ? 2000 : 500, connectTo(endpoint, insecure))).toBe(true);
    if (network === 'unix') expect(performance.now() - started).toBeGreaterThan(990);
  });

  it('rejects with TIMEOUT when the time limit ends the wait, with the latest failure as cause', async () => {
    const endpoint = await freeEndpoint(network);
    const error = await rejectionOf(connectTo(endpoint, insecure, { timeoutMs: 1000, waitMs: Infinity }));
    expect(error).toMatchObject({ code: 'TIMEOUT', endpoint });
    expect(error.hint).toMatch(/^No connection was accepted/);
    expect(error.cause).toMatchObject({ code: network === 'unix' ? 'ENOENT' : 'ECONNREFUSED' });
  });

  it('rejects when the plugin dies during the connect', async () => {
    const plugin = startChild(childCommand('plugin.ts', 'mute', await listenEndpoint(network)));
    const endpoint = String(await plugin.message());
    const connection = plugin.message();
    const connecting = rejectionOf(connectTo(endpoint, insecure, { waitMs: 100, timeoutMs: 20_000 }));
    await connection;
    await plugin.kill();
    const tookMs = durationOf(() => connecting);
    const error = await connecting;
    expect(error.code).toBe('CONNECTION_REFUSED');
    expect(error.endpoint).toBe(endpoint);
    expect(await tookMs).toBeLessThan(PROMPT_MS);
  });

  it('ignores an abort once connected', async () => {
    const { endpoint } = await startPlugin(network);
    const aborter = new AbortController();
    const client = await probeClient(endpoint, insecure, { signal: aborter.signal, timeoutMs: 5000 });
    aborter.abort();
    expect(await ask(client, 'echo', 'still here')).toBe('still here');
  });

  it('creates clients of the given class', async () => {
    const connection = await connected((await startPlugin(network)).endpoint);
    expect(connection.client(Probe)).toBeInstanceOf(Probe);
  });

  it('fails calls after close with UNAVAILABLE', async () => {
    const { endpoint, accepted } = await startPlugin(network);
    const connection = await connected(endpoint);
    const client = connection.client(Probe);
    await ask(client, 'echo');
    await Promise.all([connection.close(), connection.close()]);
    expect(await codeOf(call(client, 'echo'))).toBe(status.UNAVAILABLE);
    expect(await codeOf(call(connection.client(Probe), 'echo'))).toBe(status.UNAVAILABLE);
    const chat = client.chat(new Metadata({ waitForReady: true }), {});
    chat.write(Buffer.from('hello'));
    expect(await codeOf(once(chat.resume(), 'end'))).toBe(status.UNAVAILABLE);
    await Promise.all(accepted.map(closed));
  });

  it('leaves nothing when closed while it reconnects to a server that never answers', async () => {
    const endpoint = await freeEndpoint(network);
    const { listener } = await startPlugin(network, { transport: transportAt(endpoint) });
    const connection = await connected(endpoint);
    await listener.close();
    const before = openDescriptors();
    const mute = await plainServer(network, undefined, endpoint);
    await until(() => {
      connection.channel.getConnectivityState(true);
      return mute.sockets.some(({ bytesRead }) => bytesRead > 0);
    });
    await connection.close({ graceMs: 20_000 });
    await Promise.all(mute.sockets.map(closed));
    mute.close();
    await noSocketsLeft(before, { timeoutMs: 2000 });
  });

  it('closes at the end of `await using`', async () => {
    const { accepted, endpoint } = await startPlugin(network);
    {
      await using connection: GrpcConnection = await connectTo(endpoint, insecure);
      await ask(connection.client(Probe), 'echo');
    }
    await Promise.all(accepted.map(closed));
  });

  it('lets calls in progress finish after close', async () => {
    const { accepted, endpoint, probe } = await startPlugin(network);
    const connection = await connected(endpoint);
    const arrived = probe.nextHanging();
    const answer = ask(connection.client(Probe), 'hang', 'worth waiting for');
    await arrived;
    const closing = connection.close({ graceMs: 20_000 });
    probe.release();
    expect(await answer).toBe('worth waiting for');
    await closing;
    await Promise.all(accepted.map(closed));
  });
});

describe('connectGrpc with invalid arguments, before any I/O', () => {
  const cases: { name: string; code: string; target?: string; options?: ConnectGrpcOptions }[] = [
    { name: 'an empty endpoint', code: 'INVALID_ENDPOINT', target: '' },
    { name: 'a host without a port', code: 'INVALID_ENDPOINT', target: '127.0.0.1' },
    { name: 'a port out of range', code: 'INVALID_ENDPOINT', target: '127.0.0.1:65536' },
    { name: 'port 0', code: 'INVALID_ENDPOINT', target: '127.0.0.1:0' },
    { name: 'IPv6 without brackets', code: 'INVALID_ENDPOINT', target: '::1:50051' },
    { name: 'an https URL', code: 'INVALID_ENDPOINT', target: 'https://localhost:50051/' },
    { name: 'an abstract socket', code: 'INVALID_ENDPOINT', target: 'unix-abstract:plugin' },
    { name: 'an endpoint that is not a string', code: 'INVALID_ENDPOINT', target: 50051 as unknown as string },
    { name: 'a path that is too long', code: 'PATH_TOO_LONG', target: `unix:/tmp/${'x'.repeat(108)}` },
    { name: 'a negative time limit', code: 'INVALID_ARGUMENT', options: { timeoutMs: -1 } },
    { name: 'a time limit of NaN', code: 'INVALID_ARGUMENT', options: { timeoutMs: NaN } },
    { name: 'a wait that is a string', code: 'INVALID_ARGUMENT', options: { waitMs: '1' as unknown as number } },
    { name: 'an object that is not a signal', code: 'INVALID_ARGUMENT', options: { signal: {} as AbortSignal } },
    {
      name: 'an authority that is not a string',
      code: 'INVALID_ARGUMENT',
      options: { authority: 1 as unknown as string },
    },
  ];

  it.each(cases)('rejects $name with $code', async ({ code, target, options }) => {
    const { endpoint, sockets } = await plainServer('unix');
    const connecting = connectTo(target ?? endpoint, insecure, options);
    expect(await settlesWithoutIO(connecting)).toBe(true);
    expect((await rejectionOf(connecting)).code).toBe(code);
    expect(sockets).toHaveLength(0);
  });

  it.each([undefined, null, {}, insecureServer])(
    'rejects %o as credentials with INVALID_ARGUMENT',
    async (credentials) => {
      const { endpoint, sockets } = await plainServer('unix');
      const connecting = connectGrpc(new UnixSocketTransport(), endpoint, credentials as ChannelCredentials);
      expect(await settlesWithoutIO(connecting)).toBe(true);
      expect(await rejectionOf(connecting)).toMatchObject({ code: 'INVALID_ARGUMENT', endpoint });
      expect(sockets).toHaveLength(0);
    },
  );
});

describe('connectGrpc to a unix socket', () => {
  it('accepts any character in the path', async () => {
    const directory = await freshDirectory();
    for (const name of ['a b', '100%', '%41', '#1', 'what?', 'a,b', 'a:b', '@x', 'ü', '{}', '\\']) {
      const endpoint = `unix:${join(directory, name)}`;
      const plugin = await startPlugin('unix', { transport: transportAt(endpoint), name });
      expect(await ask((await connected(plugin.endpoint)).client(Name), 'name')).toBe(name);
    }
  });

  it('rejects with NOT_A_SOCKET for a regular file', async () => {
    const path = join(await freshDirectory(), 'file');
    await writeFile(path, '');
    expect(await rejectionOf(connectTo(path, insecure))).toMatchObject({
      code: 'NOT_A_SOCKET',
      endpoint: `unix:${path}`,
    });
  });

  it.each(['unix:PATH', 'unix://PATH', 'PATH'])('accepts the endpoint as %s', async (form) => {
    const { endpoint } = await startPlugin('unix');
    const address = parseEndpoint(endpoint);
    const target = form.replace('PATH', address.network === 'unix' ? address.path : '');
    expect(await ask(await probeClient(target), 'echo', 'hello')).toBe('hello');
  });
});
