import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { Metadata, ServerInterceptingCall, status } from '@grpc/grpc-js';
import type { ServerInterceptor } from '@grpc/grpc-js';
import { codeOf, sharedDirectory, until } from '@rpcplugin/test-support';
import { describe, expect, it } from 'vitest';
import { clientTls, makeIdentity, serverTls } from './certificates.js';
import type { Identity } from './certificates.js';
import { callHeaders, flags, frame, frameTypes, headerBlock, preface } from './http2-frames.js';
import { ask, call, Name, Probe, ProbeServer } from './service.js';
import { connected, networks, plainConnection, probeClient, startPlugin } from './support.js';
import type { Network, Plugin } from './support.js';

/** Whether Node has options for how many calls a client may reset. */
const canRaiseLimit = !process.version.startsWith('v20.');

const identity = await makeIdentity(sharedDirectory(), 'localhost');

/** A plugin, with TLS if an identity is given, and how many calls it has begun. */
async function startCounting(network: Network, own?: Identity): Promise<{ plugin: Plugin; calls: () => number }> {
  let calls = 0;
  const count: ServerInterceptor = (_method, call) => {
    calls++;
    return new ServerInterceptingCall(call);
  };
  const probe = new ProbeServer('counts', { interceptors: [count] });
  const credentials = own && serverTls(own);
  return { plugin: await startPlugin(network, { probe, ...(credentials && { credentials }) }), calls: () => calls };
}

/** The frames that begin calls of a method that never answers and, if `areReset`, reset them at once. */
function manyCalls(count: number, { areReset = false } = {}): Buffer {
  const block = headerBlock(callHeaders('/test.Probe/Hang'));
  const calls = Array.from({ length: count }, (_, index) => {
    const stream = 2 * index + 1;
    const end = areReset
      ? frame(frameTypes.rstStream, 0, stream, Buffer.from([0, 0, 0, 8]))
      : frame(frameTypes.data, flags.endStream, stream, Buffer.alloc(5));
    return Buffer.concat([frame(frameTypes.headers, flags.endHeaders, stream, block), end]);
  });
  return Buffer.concat(calls);
}

/** Opens connections whose HTTP/2 sessions have begun, with TLS if an identity of the server is given. */
function openSessions(count: number, endpoint: string, server?: Identity): Promise<Socket[]> {
  const open = async (): Promise<Socket> => {
    const socket = await plainConnection(endpoint);
    const peer = server ? connectTls({ socket, ca: server.certificate, ALPNProtocols: ['h2'] }) : socket;
    peer.on('error', () => undefined).write(preface);
    await once(peer, 'data');
    return peer;
  };
  return Promise.all(Array.from({ length: count }, open));
}

describe('a server', () => {
  it('answers a call before it has begun the thousands of calls that other connections make at once', async () => {
    const { plugin, calls } = await startCounting('unix');
    const client = await probeClient(plugin.endpoint);
    const attack = manyCalls(6000);
    const peers = await openSessions(2, plugin.endpoint);
    for (const peer of peers) peer.resume().write(attack);
    await until(() => calls() > 0);
    expect(await ask(client, 'echo', 'hello')).toBe('hello');
    expect(calls()).toBeLessThan((peers.length * 6000) / 2);
  });

  it.each(networks.flatMap((network) => [[network, 'without'] as const, [network, 'with'] as const]))(
    'over %s %s TLS, answers five calls before it has begun a third of those that twenty connections start and reset',
    async (network, tls) => {
      const own = tls === 'with' ? identity : undefined;
      const { plugin, calls } = await startCounting(network, own);
      const client = await probeClient(plugin.endpoint, own && clientTls(own));
      const attack = manyCalls(3000, { areReset: true });
      const peers = await openSessions(20, plugin.endpoint, own);
      for (const peer of peers) peer.resume().write(attack);
      for (let i = 0; i < 5; i++) expect(await ask(client, 'echo', 'hello')).toBe('hello');
      expect(calls()).toBeLessThan((peers.length * 3000) / 3);
    },
  );

  it('loses no other call of a host that cancels 1200, where Node allows it, or ends it as UNAVAILABLE', async () => {
    const { endpoint, probe } = await startPlugin('unix');
    const client = await probeClient(endpoint);
    const arrived = probe.nextHanging();
    const other = ask(client, 'hang', 'the answer');
    await arrived;
    const cancelled = Array.from({ length: 1200 }, () => {
      const signal = new AbortController();
      const outcome = codeOf(call(client, 'hang', '', { signal: signal.signal }));
      return { outcome, signal };
    });
    await probe.nextHanging();
    for (const { signal } of cancelled) signal.abort();
    expect(new Set(await Promise.all(cancelled.map(({ outcome }) => outcome)))).toEqual(new Set([status.CANCELLED]));
    const outcome = canRaiseLimit ? other : codeOf(other);
    await until(() =>
      ask(client, 'echo').then(
        () => true,
        () => false,
      ),
    );
    probe.release();
    expect(await outcome).toBe(canRaiseLimit ? 'the answer' : status.UNAVAILABLE);
  });

  it('accepts calls with a thousand metadata pairs', async () => {
    const { endpoint } = await startPlugin('unix', { name: 'Probe' });
    const metadata = new Metadata();
    for (let i = 0; i < 1000; i++) metadata.set(`k${i}`, 'v');
    expect(await ask((await connected(endpoint)).client(Name), 'name', '', { metadata })).toBe('Probe');
  });

  it('ends a call with RESOURCE_EXHAUSTED whose answer has more than 128 metadata pairs, and no other', async () => {
    const { endpoint } = await startPlugin('unix');
    const client = (await connected(endpoint)).client(Probe);
    const metadata = new Metadata();
    for (let i = 0; i < 200; i++) metadata.set(`k${i}`, 'v');
    expect(await codeOf(call(client, 'echo', '', { metadata }))).toBe(status.RESOURCE_EXHAUSTED);
    expect(await ask(client, 'echo', 'hello')).toBe('hello');
  });
});
