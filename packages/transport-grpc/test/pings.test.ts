import { once } from 'node:events';
import { connect, createServer } from 'node:http2';
import type { ClientHttp2Session, ServerHttp2Session } from 'node:http2';
import { connect as connectSocket } from 'node:net';
import { formatEndpoint, parseEndpoint } from '@rpcplugin/endpoint-utils';
import { closed, codeOf, portOf, rejectionOf, turns, until } from '@rpcplugin/test-support';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { connectGrpc, connectGrpcTarget, serveGrpc } from '../src/index.js';
import type { ConnectGrpcOptions } from '../src/index.js';
import { callHeaders, flags, frame, frameTypes, headerBlock, preface } from './http2-frames.js';
import { call, Probe, ProbeServer } from './service.js';
import {
  connected,
  insecure,
  insecureServer,
  listenEndpoint,
  plainConnection,
  startPlugin,
  transportOf,
} from './support.js';
import type { Network } from './support.js';

/** How many pings one end has received. */
interface Received {
  pings: number;
}

const often = { pingIntervalMs: 50 };

describe('a server', () => {
  const call = callHeaders('/test.Probe/Hang');

  async function clientOf(endpoint: string): Promise<Received & { session: ClientHttp2Session }> {
    const session = connect('http://localhost', { createConnection: () => connectSocket(parseEndpoint(endpoint)) });
    const client = { session, pings: 0 };
    session.on('ping', () => client.pings++);
    onTestFinished(() => {
      session.destroy();
    });
    await once(session, 'remoteSettings');
    return client;
  }

  it('pings clients over TCP while they have calls, and others not at all', async () => {
    const [tcp, unix] = [await startPlugin('tcp', { serve: often }), await startPlugin('unix', { serve: often })];
    const [busy, idle, local, over] = [
      await clientOf(tcp.endpoint),
      await clientOf(tcp.endpoint),
      await clientOf(unix.endpoint),
      await clientOf(tcp.endpoint),
    ];
    for (const { session } of [busy, local]) session.request(call).on('error', () => undefined);
    const ended = over.session.request(call);
    await until(() => over.pings > 1);
    ended.close();
    await once(ended, 'close');
    const { pings } = over;
    await until(() => busy.pings > 4);
    expect([idle.pings, local.pings]).toEqual([0, 0]);
    // One may have been under way.
    expect(over.pings).toBeLessThan(pings + 2);
  });

  it('cuts off a client that does not answer, but not while anything arrives from it', async () => {
    const { endpoint, listener } = await startPlugin('tcp', { serve: often });
    const peer = await plainConnection(endpoint);
    // Otherwise small writes wait for an acknowledgement, for up to 40 ms.
    peer.setNoDelay();
    const gone = closed(peer);
    peer.write(Buffer.concat([preface, frame(frameTypes.headers, flags.endHeaders, 1, headerBlock(call))]));
    const talk = setInterval(() => peer.write(frame(frameTypes.windowUpdate, 0, 0, Buffer.from([0, 0, 0, 1]))), 1);
    onTestFinished(() => {
      clearInterval(talk);
    });
    await until(() => listener.connections === 1);
    // As long as four intervals.
    await lasts(often.pingIntervalMs * 4, () => listener.connections === 1);
    clearInterval(talk);
    await gone;
  });

  it('by default, pings after 310 s, and waits 50 s for the answer', async () => {
    const { endpoint, listener } = await startPlugin('tcp');
    mockTimers();
    const peer = await plainConnection(endpoint);
    peer.write(Buffer.concat([preface, frame(frameTypes.headers, flags.endHeaders, 1, headerBlock(call))]));
    await pass(0);
    let received = 0;
    peer.on('data', ({ length }: Buffer) => (received += length));
    await pass(310_000 - 1);
    const before = received;
    await pass(1);
    expect(received - before).toBe(17);
    await pass(50_000 - 1);
    expect(listener.connections).toBe(1);
    await pass(1);
    // How long an end that is cut off may take.
    await pass(20);
    expect(listener.connections).toBe(0);
  });
});

describe('a client', () => {
  async function server(network: Network): Promise<Received & { endpoint: string }> {
    const parts = parseEndpoint(await listenEndpoint(network));
    const http2 = createServer().on('stream', (stream) => stream.on('error', () => undefined));
    const sessions: ServerHttp2Session[] = [];
    const received = { pings: 0, endpoint: '' };
    http2.on('session', (session) => {
      sessions.push(session);
      session.on('ping', () => received.pings++);
    });
    await once(http2.listen(parts), 'listening');
    onTestFinished(() => {
      for (const session of sessions) session.destroy();
      http2.close();
    });
    received.endpoint = formatEndpoint(parts.network === 'unix' ? parts : { ...parts, port: portOf(http2) });
    return received;
  }

  /** Connects to a server that records pings, and makes a call that it does not answer. */
  async function calls(
    network: Network,
    options?: ConnectGrpcOptions,
  ): Promise<Received & { end: () => Promise<unknown> }> {
    const received = await server(network);
    const connection = await connected(received.endpoint, undefined, options);
    const aborter = new AbortController();
    const ended = codeOf(call(connection.client(Probe), 'hang', '', { signal: aborter.signal }));
    return Object.assign(received, {
      end: () => {
        aborter.abort();
        return ended;
      },
    });
  }

  it('pings servers over TCP during calls, and others not at all', async () => {
    const idle = await server('tcp');
    await connected(idle.endpoint, undefined, often);
    const [busy, local, over] = [await calls('tcp', often), await calls('unix', often), await calls('tcp', often)];
    await until(() => over.pings > 1);
    await over.end();
    const { pings } = over;
    await until(() => busy.pings > 4);
    expect([idle.pings, local.pings]).toEqual([0, 0]);
    // One may have been under way.
    expect(over.pings).toBeLessThan(pings + 2);
  });

  it('pings during calls that end within a few turns of a busy event loop', async () => {
    const received = await server('tcp');
    const client = (await connected(received.endpoint, undefined, often)).client(Probe);
    let isOver = false;
    const beBusy = (): void => {
      const end = performance.now() + 20;
      while (performance.now() < end);
      if (!isOver) setImmediate(beBusy);
    };
    onTestFinished(() => void (isOver = true));
    beBusy();
    const repeat = async (): Promise<void> => {
      while (!isOver) await codeOf(call(client, 'hang', '', { deadline: Date.now() + 30 }));
    };
    const repeated = repeat();
    await until(() => received.pings > 0, { timeoutMs: 10_000 });
    isOver = true;
    await repeated;
  });

  it('by default, pings every 310 s, which servers in Go tolerate', async () => {
    mockTimers();
    const own = { 'grpc.keepalive_time_ms': 1_000_000 };
    const [byDefault, custom] = [await calls('tcp'), await calls('tcp', { channelOptions: own })];
    // Again, before the connections close.
    onTestFinished(() => void vi.useRealTimers());
    await pass(310_000 - 1);
    expect([byDefault.pings, custom.pings]).toEqual([0, 0]);
    await pass(1);
    expect([byDefault.pings, custom.pings]).toEqual([1, 0]);
    await pass(310_000);
    expect([byDefault.pings, custom.pings]).toEqual([2, 0]);
  });
});

it.each([0, -1, NaN, '5', null])('pingIntervalMs %s is an INVALID_ARGUMENT', async (value) => {
  const options = { pingIntervalMs: value as number };
  const transport = await transportOf('tcp');
  for (const rejected of [
    serveGrpc(new ProbeServer('nobody').server, transport, insecureServer, options),
    connectGrpc(transport, '127.0.0.1:1', insecure, options),
    connectGrpcTarget('ipv4:127.0.0.1:1', insecure, options),
  ]) {
    expect((await rejectionOf(rejected)).code).toBe('INVALID_ARGUMENT');
  }
});

function mockTimers(): void {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  onTestFinished(() => void vi.useRealTimers());
}

/** Lets time pass on the mocked clock, and then processes what has arrived. */
async function pass(ms: number): Promise<void> {
  vi.advanceTimersByTime(ms);
  await turns(100);
}

/** Checks that a condition lasts. */
async function lasts(ms: number, condition: () => boolean): Promise<void> {
  const end = performance.now() + ms;
  await until(() => {
    expect(condition()).toBe(true);
    return performance.now() > end;
  });
}
