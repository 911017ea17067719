import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { status } from '@grpc/grpc-js';
import { toHandshakeAddress } from '@rpcplugin/endpoint-utils';
import type { TransportFactory } from '@rpcplugin/transport-core';
import { codeOf, openDescriptors, rejectionOf, socketsSince, until } from '@rpcplugin/test-support';
import { tcpTransportFactory } from '@rpcplugin/transport-tcp';
import { unixTransportFactory } from '@rpcplugin/transport-unix';
import { describe, expect, it, onTestFinished } from 'vitest';
import { GrpcBroker, mutualTls } from '../src/index.js';
import { ask, Probe, ProbeServer } from './service.js';
import { streamEnds } from './stream-ends.js';
import { freeEndpoint, networks } from './support.js';

const transports: readonly TransportFactory[] = [unixTransportFactory(), tcpTransportFactory()];

/** A host's broker, a plugin's with these transports, and the plugin's end of the stream. */
function brokers(network: string, ofPlugin = transports): [GrpcBroker, GrpcBroker, Duplex] {
  const credentials = mutualTls(undefined, undefined);
  const [one, other] = streamEnds();
  onTestFinished(() => {
    one.destroy();
    other.destroy();
  });
  return [
    new GrpcBroker(one, { network, transports, credentials }),
    new GrpcBroker(other, { network, transports: ofPlugin, credentials }),
    other,
  ];
}

describe.each(networks)('a broker over %s', (network) => {
  it('serves to the other side and calls it, whoever is first, and leaves nothing', async () => {
    const before = openDescriptors();
    const [host, plugin] = brokers(network);
    for (const [serving, dialling] of [
      [host, plugin],
      [plugin, host],
    ] as const) {
      const service = serving.nextService();
      const early = dialling.dial(service);
      const listener = await serving.serve(service, new ProbeServer('brokered').server);
      const connection = await early;
      expect(await ask(connection.client(Probe), 'echo', 'hello')).toBe('hello');
      await Promise.all([connection.close(), listener.close()]);

      const next = serving.nextService();
      const late = await serving.serve(next, new ProbeServer('brokered').server);
      const other = await dialling.dial(next);
      expect(await ask(other.client(Probe), 'echo', 'again')).toBe('again');
      await Promise.all([other.close(), late.close()]);
    }
    await until(() => socketsSince(before).length === 0);
  });

  it('connects every one of many services to its own', async () => {
    const [host, plugin] = brokers(network);
    const answers = await Promise.all(
      Array.from({ length: 10 }, async () => {
        const service = host.nextService();
        const dialled = plugin.dial(service);
        const listener = await host.serve(service, new ProbeServer('brokered').server);
        const connection = await dialled;
        const answer = await ask(connection.client(Probe), 'echo', String(service));
        await Promise.all([connection.close(), listener.close()]);
        return answer === String(service);
      }),
    );
    expect(answers).toEqual(answers.map(() => true));
  });
});

it('rejects a dial that the other side never serves, after the time limit', async () => {
  const [host] = brokers('unix');
  const error = await rejectionOf(host.dial(7, { timeoutMs: 50 }));
  expect(error).toMatchObject({ code: 'TIMEOUT', message: expect.stringMatching(/service 7/) as string });
  expect(error.hint).toMatch(/right number/);
});

it('rejects a dial that is aborted', async () => {
  const [host] = brokers('unix');
  const controller = new AbortController();
  const pending = rejectionOf(host.dial(1, { signal: controller.signal }));
  controller.abort();
  expect((await pending).code).toBe('ABORTED');
});

it('rejects dials at once when the other side ends its broker, or has', async () => {
  const [host, plugin, stream] = brokers('unix');
  const pending = rejectionOf(plugin.dial(1, { timeoutMs: Infinity }));
  await host.close();
  expect((await pending).code).toBe('CLOSED');
  if (!stream.readableEnded) await once(stream, 'end');
  expect((await rejectionOf(plugin.dial(2, { timeoutMs: Infinity }))).code).toBe('CLOSED');
});

it('closes what it serves with it, and serves nothing afterwards', async () => {
  const before = openDescriptors();
  const [host, plugin] = brokers('unix');
  const { server } = new ProbeServer('brokered');
  const listener = await host.serve(1, server);
  const closedBefore = await host.serve(2, server);
  await closedBefore.close();
  const connection = await plugin.dial(1);
  await Promise.all([host.close({ graceMs: 0 }), host.close()]);
  expect(await codeOf(ask(connection.client(Probe), 'echo'))).toBe(status.UNAVAILABLE);
  expect(listener.connections).toBe(0);
  expect((await rejectionOf(host.serve(3, server))).code).toBe('CLOSED');
  await connection.close();
  await until(() => socketsSince(before).length === 0);
});

it('gives each dial of a number the next listener with that number', async () => {
  const [host, plugin] = brokers('unix');
  const dials = [plugin.dial(1), plugin.dial(1)];
  const listeners = await Promise.all(['one', 'two'].map((name) => host.serve(1, new ProbeServer(name).server)));
  for (const dialled of dials) await (await dialled).close();
  await Promise.all(listeners.map((each) => each.close()));
});

it('keeps the latest thousand services that were not dialled, and none with an address that nobody can have', async () => {
  const [host, , plugin] = brokers('tcp');
  const { network, address } = toHandshakeAddress(await freeEndpoint('tcp'));
  for (let serviceId = 1; serviceId <= 1001; serviceId++) plugin.write({ serviceId, network, address });
  plugin.write({ serviceId: 2000, network, address: 'x'.repeat(5000) });
  const codes = [];
  for (const service of [1001, 2, 1, 2000]) {
    codes.push((await rejectionOf(host.dial(service, { timeoutMs: service === 1001 ? 60_000 : 1000 }))).code);
  }
  expect(codes).toEqual(['CONNECTION_REFUSED', 'CONNECTION_REFUSED', 'TIMEOUT', 'TIMEOUT']);
});

it('rejects dials with the error of the stream as their cause when it fails', async () => {
  const [, plugin, stream] = brokers('unix');
  const pending = rejectionOf(plugin.dial(1, { timeoutMs: Infinity }));
  stream.destroy(new Error('lost'));
  expect(await pending).toMatchObject({ code: 'CLOSED', cause: { message: 'lost' } });
});

it('rejects a network that it has no transport for', async () => {
  const [host, plugin] = brokers('unix', [tcpTransportFactory()]);
  const { server } = new ProbeServer('brokered');
  expect((await rejectionOf(plugin.serve(1, server))).code).toBe('UNSUPPORTED');
  const listener = await host.serve(1, server);
  onTestFinished(() => listener.close());
  expect((await rejectionOf(plugin.dial(1))).code).toBe('UNSUPPORTED');
});
