import { Metadata, status } from '@grpc/grpc-js';
import { codeOf, until } from '@rpcplugin/test-support';
import { describe, expect, it } from 'vitest';
import { callHeaders, flags, frame, frameTypes, headerBlock, preface } from './http2-frames.js';
import { ask, call, Name, Probe, ProbeServer } from './service.js';
import { connected, plainConnection, probeClient, startPlugin } from './support.js';
import type { Plugin } from './support.js';

/** Whether Node has options for how many calls a client may reset. */
const canRaiseLimit = !process.version.startsWith('v20.');

/** A plugin with a method that never answers, and the number of its calls. */
async function startCounting(): Promise<{ plugin: Plugin; calls: () => number }> {
  const probe = new ProbeServer('counts');
  const bytes = (value: Buffer): Buffer => value;
  const streams = { requestStream: false, responseStream: false };
  const types = { requestSerialize: bytes, requestDeserialize: bytes };
  const count = {
    path: '/test.Count/Count',
    ...streams,
    ...types,
    responseSerialize: bytes,
    responseDeserialize: bytes,
  };
  let calls = 0;
  probe.server.addService(
    { count },
    {
      count: () => {
        calls++;
      },
    },
  );
  return { plugin: await startPlugin('unix', { probe }), calls: () => calls };
}

/** The frames that begin calls. */
function manyCalls(count: number): Buffer {
  const block = headerBlock(callHeaders('/test.Count/Count'));
  const message = frame(frameTypes.data, flags.endStream, 0, Buffer.alloc(5));
  const calls = Array.from({ length: count }, (_, index) => {
    const stream = 2 * index + 1;
    const end = Buffer.from(message);
    end.writeUInt32BE(stream, 5);
    return Buffer.concat([frame(frameTypes.headers, flags.endHeaders, stream, block), end]);
  });
  return Buffer.concat([preface, ...calls]);
}

describe('a server', () => {
  it('answers a call before it has begun the thousands of calls that other connections make at once', async () => {
    const { plugin, calls } = await startCounting();
    const client = await probeClient(plugin.endpoint);
    const attack = manyCalls(6000);
    const peers = await Promise.all(Array.from({ length: 2 }, () => plainConnection(plugin.endpoint)));
    for (const peer of peers) peer.resume().write(attack);
    await until(() => calls() > 0);
    expect(await ask(client, 'echo', 'hello')).toBe('hello');
    expect(calls()).toBeLessThan((peers.length * 6000) / 2);
  });

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
