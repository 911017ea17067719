import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ChannelCredentials, ServerCredentials } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connectGrpc } from '../src/index.js';
import { clientTls, makeIdentity, serverTls } from './certificates.js';
import type { Identity } from './certificates.js';
import { ask, Probe } from './service.js';
import {
  closed,
  connected,
  durationOf,
  failure,
  freeEndpoint,
  insecure,
  insecureServer,
  networks,
  noSocketsLeft,
  openSockets,
  plainConnection,
  probeClient,
  startPlugin,
  transportAt,
  until,
} from './support.js';

interface Identities {
  plugin: Identity;
  host: Identity;
  stranger: Identity;
  elsewhere: Identity;
}

let directory: string;
let identities: Identities;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'grpc-tls-'));
  const make = async (name: string, host: string): Promise<Identity> => {
    const own = await mkdtemp(join(directory, name));
    return makeIdentity(own, host);
  };
  const [plugin, host, stranger, elsewhere] = await Promise.all([
    make('plugin', 'localhost'),
    make('host', 'localhost'),
    make('stranger', 'localhost'),
    make('elsewhere', 'plugin.example'),
  ]);
  identities = { plugin, host, stranger, elsewhere };
});

afterAll(() => rm(directory, { recursive: true, force: true }));

interface Mismatch {
  name: string;
  server: (of: Identities) => ServerCredentials;
  client: (of: Identities) => ChannelCredentials;
}

const mismatches: Mismatch[] = [
  {
    name: 'a client without a certificate, where one is wanted',
    server: ({ plugin, host }) => serverTls(plugin, host),
    client: ({ plugin }) => clientTls(plugin),
  },
  {
    name: 'a client with the certificate of a stranger',
    server: ({ plugin, host }) => serverTls(plugin, host),
    client: ({ plugin, stranger }) => clientTls(plugin, stranger),
  },
  {
    name: 'a client that trusts another authority',
    server: ({ plugin }) => serverTls(plugin),
    client: ({ stranger }) => clientTls(stranger),
  },
  {
    name: 'a server whose certificate is for another name',
    server: ({ elsewhere }) => serverTls(elsewhere),
    client: ({ elsewhere }) => clientTls(elsewhere),
  },
  {
    name: 'a client without TLS to a server with it',
    server: ({ plugin }) => serverTls(plugin),
    client: () => insecure,
  },
  {
    name: 'a client with TLS to a server without it',
    server: () => insecureServer,
    client: ({ plugin }) => clientTls(plugin),
  },
];

describe.each(networks)('TLS over %s', (network) => {
  it('secures a connection both sides of which show a certificate', async () => {
    const { plugin, host } = identities;
    const { endpoint } = await startPlugin(network, { credentials: serverTls(plugin, host) });
    const client = await probeClient(endpoint, clientTls(plugin, host));
    expect(await ask(client, 'echo', 'secret')).toBe('secret');
  });

  it('carries messages of 32 MiB', async () => {
    const { plugin, host } = identities;
    const { endpoint } = await startPlugin(network, { credentials: serverTls(plugin, host) });
    const client = await probeClient(endpoint, clientTls(plugin, host));
    const message = 'rpcplugin'.repeat(Math.ceil((32 * 1024 * 1024) / 9));
    expect((await ask(client, 'echo', message)) === message).toBe(true);
  });

  it('checks the certificate against the authority that is asked for', async () => {
    const { elsewhere, host } = identities;
    const { endpoint } = await startPlugin(network, { credentials: serverTls(elsewhere, host) });
    const client = await probeClient(endpoint, clientTls(elsewhere, host), { authority: 'plugin.example' });
    expect(await ask(client, 'origin')).toMatch(/^plugin\.example\n/);
  });

  describe.each(mismatches)('refuses $name', ({ server, client }) => {
    it('promptly, as IO, and leaves no connection', async () => {
      const { endpoint, accepted } = await startPlugin(network, { credentials: server(identities) });
      const before = openSockets();
      const started = performance.now();
      const error = await failure(connectGrpc(endpoint, client(identities), { timeoutMs: 20_000 }));
      expect(performance.now() - started).toBeLessThan(2000);
      expect(error).toMatchObject({ code: 'IO', endpoint });
      expect(error.message).toContain(endpoint);
      expect(error.hint).toContain('credentials');
      await noSocketsLeft(before);
      await Promise.all(accepted.map(closed));
    });
  });

  it('goes on for those who may after it refused others', async () => {
    const { plugin, host } = identities;
    const { endpoint } = await startPlugin(network, { credentials: serverTls(plugin, host) });
    const client = await probeClient(endpoint, clientTls(plugin, host));
    await failure(connectGrpc(endpoint, clientTls(plugin)));
    await failure(connectGrpc(endpoint, insecure));
    const garbage = await plainConnection(endpoint);
    garbage.write('this is no TLS at all\r\n\r\n');
    await closed(garbage);
    expect(await ask(client, 'echo', 'before')).toBe('before');
    expect(await ask(await probeClient(endpoint, clientTls(plugin, host)), 'echo', 'after')).toBe('after');
  });

  it('closes a peer that says nothing in time, and nobody who does', async () => {
    const { plugin, host } = identities;
    const serve = { firstByteTimeoutMs: 100 };
    const { accepted, endpoint } = await startPlugin(network, { credentials: serverTls(plugin, host), serve });
    const client = await probeClient(endpoint, clientTls(plugin, host));
    await closed(await plainConnection(endpoint));
    await closed(await plainConnection(endpoint));
    expect(await ask(client, 'echo', 'secret')).toBe('secret');
    expect(accepted).toHaveLength(3);
  });

  it('cuts off a peer that stops in the middle of the handshake when the grace is over', async () => {
    const { plugin, host } = identities;
    const { accepted, endpoint, listener } = await startPlugin(network, { credentials: serverTls(plugin, host) });
    const peer = await plainConnection(endpoint);
    peer.write(Buffer.from([0x16]));
    await until(() => accepted[0]?.bytesRead === 1);
    const tookMs = await durationOf(() => listener.close({ graceMs: 200 }));
    expect(tookMs).toBeGreaterThan(190);
    expect(tookMs).toBeLessThan(1000);
    await closed(peer);
  });

  it('holds no sockets of attempts that were refused while it tries to connect again', async () => {
    const { plugin, host, stranger } = identities;
    const endpoint = await freeEndpoint(network);
    const first = await startPlugin(network, {
      credentials: serverTls(plugin, host),
      transport: transportAt(endpoint),
    });
    const before = openSockets();
    const connection = await connected(endpoint, clientTls(plugin, host));
    const client = connection.client(Probe);
    await first.listener.close();
    const second = await startPlugin(network, {
      credentials: serverTls(plugin, stranger),
      transport: transportAt(endpoint),
    });
    await until(async () => {
      await ask(client, 'echo').catch(() => undefined);
      return second.accepted.length > 20;
    });
    await until(() => [...openSockets()].filter((socket) => !before.has(socket)).length < 10, 2000);
    connection.close();
    await until(() => [...openSockets()].filter((socket) => !before.has(socket)).length <= 1, 2000);
  });
});
