// One test per assumption about grpc-js and Node that src/grpc-js-hooks.ts makes beyond their documented interfaces.
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { ChannelCredentials, experimental, Server } from '@grpc/grpc-js';
import { closed, rejectionOf, sharedDirectory } from '@rpcplugin/test-support';
import { UnixSocketTransport } from '@rpcplugin/transport-unix';
import { describe, expect, it, onTestFinished } from 'vitest';
import { connectGrpc, serveGrpc } from '../src/index.js';
import { createInjector, hookConnections, hookSessions, InertHandle } from '../src/grpc-js-hooks.js';
import { clientTls, makeIdentity, serverTls } from './certificates.js';
import { ask, Probe, ProbeServer } from './service.js';
import {
  connected,
  insecure,
  insecureServer,
  listenEndpoint,
  media,
  plainServer,
  startPlugin,
  transportAt,
  transportOf,
} from './support.js';

const plugin = await makeIdentity(sharedDirectory(), 'localhost');

describe('grpc-js', () => {
  it('awaits waitForReady, connects a socket, and starts HTTP/2 on what connect resolves with', async () => {
    const [bait, plugin] = [await plainServer('tcp'), await startPlugin('unix')];
    const steps: string[] = [];
    let dialled: Duplex | undefined;
    const credentials = hookConnections(insecure, {
      dial: async () => {
        steps.push(`dial, ${bait.sockets.length} connected`);
        dialled = await new UnixSocketTransport().connect(plugin.endpoint);
      },
      opened: (socket) => {
        steps.push(`open ${socket.remotePort ?? 0}`);
        return dialled ?? socket;
      },
      secured: () => steps.push('secured'),
      started: () => steps.push('started'),
      failed: () => steps.push('failed'),
    });
    const client = new Probe(bait.endpoint, credentials);
    onTestFinished(() => {
      client.close();
    });
    expect(await ask(client, 'echo', 'hello')).toBe('hello');
    expect(steps).toEqual(['dial, 0 connected', `open ${bait.endpoint.replace(/.*:/, '')}`, 'secured', 'started']);
    expect(bait.sockets.every(({ bytesRead }) => bytesRead === 0)).toBe(true);
  });

  it('passes the address of a resolver to net.connect as it is', async () => {
    const { endpoint } = await startPlugin('unix');
    let wasRead = false;
    const address = {
      path: endpoint.replace('unix:', ''),
      get handle() {
        wasRead = true;
        return undefined;
      },
    };
    class Resolver implements experimental.Resolver {
      readonly #listener: experimental.ResolverListener;
      constructor(_target: experimental.GrpcUri, listener: experimental.ResolverListener) {
        this.#listener = listener;
      }
      updateResolution(): void {
        process.nextTick(this.#listener, experimental.statusOrFromValue([{ addresses: [address] }]), {}, null, '');
      }
      destroy(): void {
        // Holds nothing.
      }
      static getDefaultAuthority(): string {
        return 'localhost';
      }
    }
    experimental.registerResolver('rpcplugin-test', Resolver);
    const client = new Probe('rpcplugin-test:any', insecure);
    onTestFinished(() => {
      client.close();
    });
    expect(await ask(client, 'echo', 'hello')).toBe('hello');
    expect(wasRead).toBe(true);
  });

  it('has load balancing policies that can be registered', () => {
    expect(experimental.isLoadBalancerNameRegistered('rpcplugin-unknown')).toBe(false);
    expect(typeof experimental.registerLoadBalancerType).toBe('function');
  });
});

describe('a server of grpc-js', () => {
  it('passes its commonServerOptions to the HTTP/2 server of an injector, and has them as before afterwards', () => {
    const { server } = new ProbeServer('test');
    const own = server as unknown as { commonServerOptions: object; http2Servers: Map<object, unknown> };
    const before = own.commonServerOptions;
    createInjector(server, insecureServer);
    const [http2Server = {}] = own.http2Servers.keys();
    const key = Object.getOwnPropertySymbols(http2Server).find(({ description }) => description === 'options');
    const options = (http2Server as Record<symbol, unknown>)[key ?? Symbol()];
    expect(options).toMatchObject({ ...before, streamResetBurst: 1_000_000, maxHeaderListPairs: 2048 });
    expect(own.commonServerOptions).toBe(before);
  });

  describe.each(media)('over %s', (medium) => {
    it.each(['without TLS', 'with TLS'])('%s tells which injected connection begins HTTP/2', async (security) => {
      const { server } = new ProbeServer('test');
      const secured = security === 'with TLS';
      // Not the latest, and thus not the one that is hooked.
      server.createConnectionInjector(insecureServer);
      const injector = server.createConnectionInjector(secured ? serverTls(plugin) : insecureServer);
      const injected: Duplex[] = [];
      const begun: Duplex[] = [];
      hookSessions(server, (connection) => begun.push(connection));
      const transport = await transportOf(medium);
      const endpoint = await transport.listen({
        onConnection: (connection) => {
          injected.push(connection);
          injector.injectConnection(connection);
          connection.resume();
        },
      });
      // In the other order, if TLS takes part in it.
      await Promise.all([1, 2].map(() => connected(endpoint, secured ? clientTls(plugin) : insecure)));
      expect(new Set(begun)).toEqual(new Set(injected));
      expect(begun).toHaveLength(2);
    });
  });
});

describe('net.connect of Node', () => {
  it('takes an object as the handle of a socket', async () => {
    const socket: Socket = connect({ path: 'nowhere', handle: new InertHandle() } as { path: string });
    await once(socket, 'connect');
    socket.setNoDelay();
    const ending = once(socket, 'close');
    socket.destroy();
    expect(await ending).toEqual([false]);
  });
});

describe('getPeer of a call on the server', () => {
  it.each([
    ['plaintext', undefined, undefined],
    ['TLS', serverTls(plugin), clientTls(plugin)],
  ])('is what the handle of a unix socket says, with %s', async (_name, server, client) => {
    const endpoint = await listenEndpoint('unix');
    await startPlugin('unix', { transport: transportAt(endpoint), ...(server && { credentials: server }) });
    const [, peer] = (await ask((await connected(endpoint, client)).client(Probe), 'origin')).split('\n');
    expect(peer).toBe(endpoint);
  });

  it('is the address of the client on TCP', async () => {
    const { accepted, endpoint } = await startPlugin('tcp');
    const [, peer] = (await ask((await connected(endpoint)).client(Probe), 'origin')).split('\n');
    expect(peer).toBe(`127.0.0.1:${accepted[0]?.remotePort ?? 0}`);
  });
});

describe('connectGrpc with another version of grpc-js', () => {
  it('rejects with UNSUPPORTED if credentials have no secure connector', async () => {
    const { endpoint } = await startPlugin('unix');
    const credentials = Object.create(ChannelCredentials.prototype, {
      _createSecureConnector: { value: undefined },
    }) as ChannelCredentials;
    const error = await rejectionOf(connectGrpc(new UnixSocketTransport(), endpoint, credentials));
    expect(error).toMatchObject({ code: 'UNSUPPORTED', hint: expect.stringContaining('@grpc/grpc-js') as string });
  });

  it('rejects with UNSUPPORTED, and leaves no connection, if the channel does not use the connection', async () => {
    const { accepted, endpoint } = await startPlugin('unix');
    const other = Object.create(insecure, {
      _createSecureConnector: {
        value: (...args: Parameters<ChannelCredentials['_createSecureConnector']>) => ({
          ...insecure._createSecureConnector(...args),
          waitForReady: () => Promise.reject(new Error('not ready')),
        }),
      },
    }) as ChannelCredentials;
    const error = await rejectionOf(connectGrpc(new UnixSocketTransport(), endpoint, other));
    expect(error.code).toBe('UNSUPPORTED');
    await Promise.all(accepted.map(closed));
  });
});

it('serveGrpc rejects TLS on Bun, which does not tell which connection a TLS socket is on', async () => {
  Object.defineProperty(process.versions, 'bun', { value: '1.4.5', configurable: true });
  onTestFinished(() => void Reflect.deleteProperty(process.versions, 'bun'));
  const transport = await transportOf('tcp');
  const serving = serveGrpc(new Server(), transport, serverTls(plugin));
  expect(await rejectionOf(serving)).toMatchObject({
    code: 'UNSUPPORTED',
    message: expect.stringContaining('Bun') as string,
  });
  await (await serveGrpc(new Server(), transport, insecureServer)).close();
});
