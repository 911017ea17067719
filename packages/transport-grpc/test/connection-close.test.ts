import { Metadata, status } from '@grpc/grpc-js';
import {
  anyRejectionOf,
  closeAfterTest,
  closed,
  codeOf,
  durationOf,
  rejectionOf,
  settlesWithin,
  sharedDirectory,
  turns,
  until,
} from '@rpcplugin/test-support';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { connectGrpc } from '../src/index.js';
import { clientTls, makeIdentity, serverTls } from './certificates.js';
import { ask, call, Probe } from './service.js';
import {
  connected,
  freeEndpoint,
  insecure,
  media,
  networks,
  PROMPT_MS,
  startPlugin,
  transportAt,
  transportOf,
} from './support.js';
import { transportTo } from './transport-to.js';

const [plugin, host] = await Promise.all([
  makeIdentity(sharedDirectory(), 'localhost'),
  makeIdentity(sharedDirectory(), 'localhost'),
]);

it.each(networks)('GrpcConnection.close stops a dial that waits for a plugin over %s', async (network) => {
  const endpoint = await freeEndpoint(network);
  const { listener } = await startPlugin(network, { transport: transportAt(endpoint) });
  const transport = closeAfterTest(transportTo(endpoint));
  const connection = await connectGrpc(transport, endpoint, insecure, { waitMs: 60_000, timeoutMs: 60_000 });
  const left = new Promise((resolve) => connection.onDisconnect(resolve));
  await listener.close();
  await left;
  const dials = vi.spyOn(transport, 'connect');
  const answer = codeOf(call(connection.client(Probe), 'echo'));
  await until(() => dials.mock.results.length === 1);
  const outcome = codeOf(dials.mock.results[0]?.value as Promise<unknown>);
  await connection.close({ graceMs: 0 });
  expect(await answer).toBe(status.UNAVAILABLE);
  expect(await settlesWithin(PROMPT_MS, outcome)).toBe(true);
  expect(await outcome).toBe('ABORTED');
});

it('the channel of a closed connection does not dial again', async () => {
  const { endpoint } = await startPlugin('unix');
  const transport = closeAfterTest(transportTo(endpoint));
  const connection = await connectGrpc(transport, endpoint, insecure);
  await connection.close();
  const dials = vi.spyOn(transport, 'connect');
  connection.channel.getConnectivityState(true);
  await turns(20);
  expect(dials).not.toHaveBeenCalled();
});

describe.each(media)('GrpcConnection.close over %s', (medium) => {
  it('cuts off calls that outlast the grace period with UNAVAILABLE', async () => {
    const { connections, endpoint, probe } = await startPlugin(medium);
    const connection = await connected(endpoint);
    const client = connection.client(Probe);
    const arrived = probe.nextHanging();
    const endings = [codeOf(call(client, 'hang')), anyRejectionOf(client.chat(new Metadata(), {}).toArray())];
    await arrived;
    const started = performance.now();
    expect(await settlesWithin(900, connection.close({ graceMs: 200 }))).toBe(true);
    expect(performance.now() - started).toBeGreaterThan(190);
    expect(await endings[0]).toBe(status.UNAVAILABLE);
    expect(await endings[1]).toMatchObject({ code: status.UNAVAILABLE });
    await Promise.all(connections.map(closed));
  });

  it('lets calls in progress finish, and starts no more', async () => {
    const { endpoint, probe } = await startPlugin(medium);
    const connection = await connected(endpoint);
    const client = connection.client(Probe);
    const arrived = probe.nextHanging();
    const answer = ask(client, 'hang', 'worth waiting for');
    await arrived;
    const closing = connection.close({ graceMs: 20_000 });
    expect(await codeOf(call(client, 'echo'))).toBe(status.UNAVAILABLE);
    probe.release();
    expect(await answer).toBe('worth waiting for');
    expect(await durationOf(() => closing)).toBeLessThan(PROMPT_MS);
  });

  it('ends an idle connection at once', async () => {
    const { connections, endpoint } = await startPlugin(medium);
    const connection = await connected(endpoint);
    await ask(connection.client(Probe), 'echo');
    expect(await durationOf(() => connection.close({ graceMs: 20_000 }))).toBeLessThan(PROMPT_MS);
    await Promise.all(connections.map(closed));
  });
});

describe.each(networks)('GrpcConnection.close over %s', (network) => {
  it('cuts off calls under TLS with UNAVAILABLE', async () => {
    const { endpoint, probe } = await startPlugin(network, { credentials: serverTls(plugin, host) });
    const connection = await connected(endpoint, clientTls(plugin, host));
    const arrived = probe.nextHanging();
    const ending = codeOf(call(connection.client(Probe), 'hang'));
    await arrived;
    expect(await durationOf(() => connection.close({ graceMs: 0 }))).toBeLessThan(PROMPT_MS);
    expect(await ending).toBe(status.UNAVAILABLE);
  });

  it('gives calls a grace period of a second by default, which another call can shorten', async () => {
    const { endpoint, probe } = await startPlugin(network);
    const hang = async (): Promise<Awaited<ReturnType<typeof connected>>> => {
      const connection = await connected(endpoint);
      const arrived = probe.nextHanging();
      void codeOf(call(connection.client(Probe), 'hang'));
      await arrived;
      return connection;
    };
    const patient = await hang();
    const started = performance.now();
    expect(await settlesWithin(1900, patient.close())).toBe(true);
    expect(performance.now() - started).toBeGreaterThan(990);

    const hasty = await hang();
    const closes = [60_000, 100, 60_000].map((graceMs) => hasty.close({ graceMs }));
    expect(await settlesWithin(900, Promise.all(closes))).toBe(true);
  });

  it('runs when a client or the channel is closed', async () => {
    const { accepted, endpoint } = await startPlugin(network);
    const [one, other] = [await connected(endpoint), await connected(endpoint)];
    one.client(Probe).close();
    other.channel.close();
    await Promise.all(accepted.map(closed));
    expect(await codeOf(call(one.client(Probe), 'echo'))).toBe(status.UNAVAILABLE);
    expect(await codeOf(call(other.client(Probe), 'echo'))).toBe(status.UNAVAILABLE);
  });

  it('leaves the transport open', async () => {
    const { endpoint } = await startPlugin(network);
    const transport = await transportOf(network);
    await (await connectGrpc(transport, endpoint, insecure)).close();
    const again = await connectGrpc(transport, endpoint, insecure);
    expect(await ask(again.client(Probe), 'echo', 'again')).toBe('again');
    await again.close();
  });

  it('rejects an invalid grace period, and keeps the connection', async () => {
    const connection = await connected((await startPlugin(network)).endpoint);
    for (const graceMs of [-1, NaN, '1' as unknown as number]) {
      expect((await rejectionOf(connection.close({ graceMs }))).code).toBe('INVALID_ARGUMENT');
    }
    expect(await ask(connection.client(Probe), 'echo', 'still here')).toBe('still here');
  });
});

it('fails calls that wait for a connection once the transport is closed', async () => {
  const { endpoint, listener } = await startPlugin('memory');
  const transport = closeAfterTest(transportTo(endpoint));
  const connection = await connectGrpc(transport, endpoint, insecure);
  onTestFinished(() => connection.close({ graceMs: 0 }));
  const client = connection.client(Probe);
  const disconnected = new Promise((resolve) => connection.onDisconnect(resolve));
  await Promise.all([listener.close(), disconnected]);
  await transport.close();
  const metadata = new Metadata({ waitForReady: true });
  expect(await codeOf(call(client, 'echo', '', { metadata }))).toBe(status.UNAVAILABLE);
});
