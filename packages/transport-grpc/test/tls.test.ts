import type { ChannelCredentials, ServerCredentials } from '@grpc/grpc-js';
import {
  closed,
  durationOf,
  openDescriptors,
  rejectionOf,
  sharedDirectory,
  socketsSince,
  until,
} from '@rpcplugin/test-support';
import { describe, expect, it } from 'vitest';
import { clientTls, makeIdentity, serverTls } from './certificates.js';
import { ask, Probe } from './service.js';
import {
  connectTo,
  connected,
  freeEndpoint,
  insecure,
  insecureServer,
  networks,
  noSocketsLeft,
  plainConnection,
  probeClient,
  PROMPT_MS,
  startPlugin,
  transportAt,
} from './support.js';

const [plugin, host, stranger, elsewhere] = await Promise.all([
  makeIdentity(sharedDirectory(), 'localhost'),
  makeIdentity(sharedDirectory(), 'localhost'),
  makeIdentity(sharedDirectory(), 'localhost'),
  makeIdentity(sharedDirectory(), 'plugin.example'),
]);

interface Mismatch {
  name: string;
  server: ServerCredentials;
  client: ChannelCredentials;
}

const mismatches: Mismatch[] = [
  {
    name: 'a client without a required certificate',
    server: serverTls(plugin, host),
    client: clientTls(plugin),
  },
  {
    name: 'a client with an untrusted certificate',
    server: serverTls(plugin, host),
    client: clientTls(plugin, stranger),
  },
  {
    name: 'a client that trusts another authority',
    server: serverTls(plugin),
    client: clientTls(stranger),
  },
  {
    name: 'a server with a certificate for another name',
    server: serverTls(elsewhere),
    client: clientTls(elsewhere),
  },
  {
    name: 'a client without TLS and a server with it',
    server: serverTls(plugin),
    client: insecure,
  },
  {
    name: 'a client with TLS and a server without it',
    server: insecureServer,
    client: clientTls(plugin),
  },
];

describe.each(networks)('TLS over %s', (network) => {
  it('secures a connection with certificates on both sides', async () => {
    const { endpoint } = await startPlugin(network, { credentials: serverTls(plugin, host) });
    const client = await probeClient(endpoint, clientTls(plugin, host));
    expect(await ask(client, 'echo', 'secret')).toBe('secret');
  });

  it('carries messages of 32 MiB', async () => {
    const { endpoint } = await startPlugin(network, { credentials: serverTls(plugin, host) });
    const client = await probeClient(endpoint, clientTls(plugin, host));
    const message = 'rpcplugin'.repeat(Math.ceil((32 * 1024 * 1024) / 9));
    expect((await ask(client, 'echo', message)) === message).toBe(true);
  });

  it('checks the certificate against the authority option', async () => {
    const { endpoint } = await startPlugin(network, { credentials: serverTls(elsewhere, host) });
    const client = await probeClient(endpoint, clientTls(elsewhere, host), { authority: 'plugin.example' });
    expect(await ask(client, 'origin')).toMatch(/^plugin\.example\n/);
  });

  describe.each(mismatches)('for $name', ({ server, client }) => {
    it('rejects promptly with IO, and leaves no connection', async () => {
      const { endpoint, accepted } = await startPlugin(network, { credentials: server });
      const before = openDescriptors();
      const connecting = connectTo(endpoint, client, { timeoutMs: 20_000 });
      expect(await durationOf(() => connecting)).toBeLessThan(PROMPT_MS);
      const error = await rejectionOf(connecting);
      expect(error).toMatchObject({ code: 'IO', endpoint });
      expect(error.message).toContain(endpoint);
      expect(error.hint).toContain('credentials');
      await noSocketsLeft(before);
      await Promise.all(accepted.map(closed));
    });
  });

  it('keeps serving trusted clients after it rejects others', async () => {
    const { endpoint } = await startPlugin(network, { credentials: serverTls(plugin, host) });
    const client = await probeClient(endpoint, clientTls(plugin, host));
    await rejectionOf(connectTo(endpoint, clientTls(plugin)));
    await rejectionOf(connectTo(endpoint, insecure));
    const garbage = await plainConnection(endpoint);
    garbage.write('this is no TLS at all\r\n\r\n');
    await closed(garbage);
    expect(await ask(client, 'echo', 'before')).toBe('before');
    expect(await ask(await probeClient(endpoint, clientTls(plugin, host)), 'echo', 'after')).toBe('after');
  });

  it('keeps no sockets of rejected attempts while it reconnects', async () => {
    const endpoint = await freeEndpoint(network);
    const first = await startPlugin(network, {
      credentials: serverTls(plugin, host),
      transport: transportAt(endpoint),
    });
    const before = openDescriptors();
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
    await until(() => socketsSince(before).length < 10, { timeoutMs: 2000 });
    await connection.close();
    await until(() => socketsSince(before).length <= 1, { timeoutMs: 2000 });
  });
});

it.each(['duplex', 'memory'] as const)('mutual TLS works over %s, which is no socket', async (medium) => {
  const { endpoint } = await startPlugin(medium, { credentials: serverTls(plugin, host) });
  const client = await probeClient(endpoint, clientTls(plugin, host));
  expect(await ask(client, 'echo', 'secret')).toBe('secret');
  expect(await rejectionOf(connectTo(endpoint, clientTls(stranger)))).toMatchObject({ code: 'IO', endpoint });
});
