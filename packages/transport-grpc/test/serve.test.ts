import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { createServer } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { getChannelzHandlers, Server } from '@grpc/grpc-js';
import type { ServerCredentials } from '@grpc/grpc-js';
import { portOf, rejectionOf, settlesWithoutIO, until } from '@rpcplugin/test-support';
import { StreamTransport } from '@rpcplugin/transport-base';
import type { Listener } from '@rpcplugin/transport-base';
import { MemoryTransport } from '@rpcplugin/transport-testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import { serveGrpc } from '../src/index.js';
import { ask, ProbeServer } from './service.js';
import {
  insecure,
  insecureServer,
  networks,
  plainServer,
  probeClient,
  startPlugin,
  transportAt,
  transportOf,
} from './support.js';

/** Resolves once the servers of this process have this many listeners, connection injectors included. */
async function listenersAre(count: number): Promise<void> {
  await until(async () => (await listeners()) === count, { timeoutMs: 2000 });
}

/** The number of listeners, as channelz counts them. */
async function listeners(): Promise<number> {
  const { GetServers } = getChannelzHandlers();
  const { server } = await new Promise<{ server?: { listen_socket?: unknown[] | null }[] | null }>(
    (resolve, reject) => {
      const request = { start_server_id: 0, max_results: 1000 };
      const call = { request } as unknown as Parameters<typeof GetServers>[0];
      GetServers(call, (error, value) => {
        if (value === undefined || value === null) reject(new Error('no answer', { cause: error }));
        else resolve(value);
      });
    },
  );
  return (server ?? []).reduce((sum, { listen_socket }) => sum + (listen_socket?.length ?? 0), 0);
}

describe.each(networks)('serveGrpc over %s', (network) => {
  it('resolves with the endpoint of the transport', async () => {
    const { endpoint, listener, transport } = await startPlugin(network);
    expect(endpoint).toBe(transport.endpoint);
    expect(listener.endpoint).toBe(endpoint);
    expect(await ask(await probeClient(endpoint), 'echo', 'hello')).toBe('hello');
  });

  it('rejects when the address is in use, and leaves the server usable', async () => {
    const holder = await plainServer(network);
    const probe = new ProbeServer('next');
    const error = await rejectionOf(serveGrpc(probe.server, transportAt(holder.endpoint), insecureServer));
    expect(error).toMatchObject({ code: 'ADDRESS_IN_USE', endpoint: holder.endpoint });
    await listenersAre(0);
    const { endpoint } = await startPlugin(network, { probe });
    expect(await ask(await probeClient(endpoint), 'echo', 'hello')).toBe('hello');
  });

  it('rejects when the transport is listening already, without disturbing it', async () => {
    const first = await startPlugin(network);
    const probe = new ProbeServer('next');
    const error = await rejectionOf(serveGrpc(probe.server, first.transport, insecureServer));
    expect(error).toMatchObject({ code: 'ALREADY_LISTENING', endpoint: first.endpoint });
    await listenersAre(1);
    expect(await ask(await probeClient(first.endpoint), 'echo', 'hello')).toBe('hello');
    const { endpoint } = await startPlugin(network, { probe });
    expect(await ask(await probeClient(endpoint), 'echo', 'hello')).toBe('hello');
  });

  it('rejects when aborted, before or during the call, and leaves nothing', async () => {
    const probe = new ProbeServer('next');
    const reason = new Error('no longer wanted');
    const aborted = serveGrpc(probe.server, await transportOf(network), insecureServer, {
      signal: AbortSignal.abort(reason),
    });
    expect(await rejectionOf(aborted)).toMatchObject({ code: 'ABORTED', cause: reason });
    const aborter = new AbortController();
    const transport = await transportOf(network);
    const pending = rejectionOf(serveGrpc(probe.server, transport, insecureServer, { signal: aborter.signal }));
    aborter.abort(reason);
    expect(await pending).toMatchObject({ code: 'ABORTED' });
    expect(transport.endpoint).toBeUndefined();
    await listenersAre(0);
    const { endpoint } = await startPlugin(network, { probe });
    expect(await ask(await probeClient(endpoint), 'echo', 'hello')).toBe('hello');
  });

  it('ignores an abort once it serves', async () => {
    const aborter = new AbortController();
    const transport = await transportOf(network);
    const probe = new ProbeServer('next');
    const listener = await serveGrpc(probe.server, transport, insecureServer, { signal: aborter.signal });
    onTestFinished(() => listener.close({ graceMs: 0 }));
    aborter.abort();
    expect(await ask(await probeClient(listener.endpoint), 'echo', 'hello')).toBe('hello');
  });

  it('rejects when the transport is closed', async () => {
    const transport = await transportOf(network);
    await transport.close();
    expect((await rejectionOf(serveGrpc(new Server(), transport, insecureServer))).code).toBe('CLOSED');
  });

  it.each([undefined, null, {}, insecure])('rejects %o as credentials, and does not listen', async (credentials) => {
    const transport = await transportOf(network);
    const probe = new ProbeServer('next');
    const serving = serveGrpc(probe.server, transport, credentials as ServerCredentials);
    expect(await settlesWithoutIO(serving)).toBe(true);
    expect(await rejectionOf(serving)).toMatchObject({
      code: 'INVALID_ARGUMENT',
      hint: expect.stringContaining('ServerCredentials') as string,
    });
    expect(transport.endpoint).toBeUndefined();
    await listenersAre(0);
    const { endpoint } = await startPlugin(network, { probe, transport });
    expect(await ask(await probeClient(endpoint), 'echo', 'hello')).toBe('hello');
  });

  it('leaves no listener in the server after close', async () => {
    const { listener } = await startPlugin(network);
    await listenersAre(1);
    await listener.close();
    await listenersAre(0);
  });
});

/** Hands over paused sockets, with `pauseOnConnect` of `node:net`. */
class PausingTransport extends StreamTransport {
  constructor() {
    super('tcp');
  }

  protected override listener(): Listener {
    return {
      open: async ({ accept, defer }) => {
        const server = createServer({ pauseOnConnect: true }, accept).listen({ host: '127.0.0.1', port: 0 });
        defer(() => void server.close());
        await once(server, 'listening');
        return `127.0.0.1:${portOf(server)}`;
      },
    };
  }

  protected override dialer(): never {
    throw new Error('it only listens');
  }
}

describe('serveGrpc on a third-party transport', () => {
  it('rejects with the error of the transport itself', async () => {
    const reason = new Error('of its own kind');
    class Failing extends MemoryTransport {
      override listen(): Promise<string> {
        return Promise.reject(reason);
      }
    }
    await expect(serveGrpc(new Server(), new Failing(), insecureServer)).rejects.toBe(reason);
    await listenersAre(0);
  });

  it('works without sockets', async () => {
    const transport = new MemoryTransport();
    const listener = await serveGrpc(new ProbeServer('memory').server, transport, insecureServer);
    const connection = await transport.connect(listener.endpoint);
    const session = connectHttp2('http://localhost', { createConnection: () => connection });
    const headers = {
      ':method': 'POST',
      ':path': '/test.Probe/Echo',
      'content-type': 'application/grpc',
      te: 'trailers',
    };
    const call = session.request(headers);
    const trailers = once(call, 'trailers');
    // The wire format of a message: compressed flag, length, bytes.
    const message = Buffer.from([0, 0, 0, 0, 5, ...Buffer.from('hello')]);
    call.end(message);
    expect(await buffer(call)).toEqual(message);
    expect((await trailers)[0]).toMatchObject({ 'grpc-status': '0' });
    await listener.close({ graceMs: 5000 });
    expect(connection.destroyed).toBe(true);
  });

  it('works with paused sockets', async () => {
    const transport = new PausingTransport();
    const listener = await serveGrpc(new ProbeServer('paused').server, transport, insecureServer);
    onTestFinished(() => listener.close({ graceMs: 0 }));
    const client = await probeClient(listener.endpoint);
    expect(await ask(client, 'echo', 'hello', { deadline: Date.now() + 5000 })).toBe('hello');
  });
});
