import { credentials } from '@grpc/grpc-js';
import { openDescriptors, portOf, pretendPlatform, rejectionOf, settlesWithin, until } from '@rpcplugin/test-support';
import { describe, expect, it, onTestFinished } from 'vitest';
import { connectGrpcTarget, grpcChannelOptions } from '../src/index.js';
import type { ConnectGrpcTargetOptions, GrpcConnection } from '../src/index.js';
import { ask, Name, Probe } from './service.js';
import { connected, freeEndpoint, insecure, networks, noSocketsLeft, plainServer, startPlugin } from './support.js';

/** Opens a connection, which is closed after the test. */
async function connectedTarget(target: string, options?: ConnectGrpcTargetOptions): Promise<GrpcConnection> {
  const connection = await connectGrpcTarget(target, insecure, options);
  onTestFinished(() => connection.close({ graceMs: 0 }));
  return connection;
}

describe('connectGrpcTarget', () => {
  it.each(['dns:///localhost:PORT', 'dns:localhost:PORT', 'dns:127.0.0.1:PORT'])(
    'lets gRPC resolve %s',
    async (form) => {
      const plugin = await startPlugin('tcp', { name: 'resolved' });
      const connection = await connectedTarget(form.replace('PORT', String(portOf(plugin.endpoint))));
      expect(await ask(connection.client(Name), 'name')).toBe('resolved');
    },
  );

  it('passes the target to gRPC unchanged', async () => {
    const plugin = await startPlugin('tcp');
    const target = `dns:///localhost:${portOf(plugin.endpoint)}`;
    expect((await connectedTarget(target)).channel.getTarget()).toBe(target);
  });

  it('lets gRPC balance calls among several addresses', async () => {
    const plugins = await Promise.all(['one', 'two'].map((name) => startPlugin('tcp', { name })));
    const target = `ipv4:${plugins.map(({ endpoint }) => endpoint).join(',')}`;
    const serviceConfig = JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] });
    const { client } = await connectedTarget(target, {
      channelOptions: { 'grpc.service_config': serviceConfig },
    }).then((connection) => ({ client: connection.client(Name) }));
    const names = new Set<string>();
    await until(async () => names.add(await ask(client, 'name')).size === 2, { timeoutMs: 10_000 });
    expect([...names].sort()).toEqual(['one', 'two']);
  });

  it.each(['unix:/run/p.sock', 'UNIX:p.sock', 'unix:///pipe/p'])('rejects %s on Windows', async (target) => {
    pretendPlatform('win32');
    const error = await rejectionOf(connectGrpcTarget(target, insecure));
    expect(error).toMatchObject({ code: 'UNSUPPORTED', endpoint: target });
    expect(error.hint).toContain('TCP');
  });

  it.each(['unix:\\\\.\\pipe\\p', 'unix:////?/pipe/p', 'dns:///unix:1'])(
    'lets gRPC dial %s on Windows',
    async (target) => {
      pretendPlatform('win32');
      const error = await rejectionOf(connectGrpcTarget(target, insecure, { timeoutMs: 1 }));
      expect(error.code).toBe('TIMEOUT');
    },
  );

  it('retries for all of timeoutMs, and leaves nothing', async () => {
    const endpoint = await freeEndpoint('tcp');
    const before = openDescriptors();
    const target = `dns:///localhost:${portOf(endpoint)}`;
    const started = performance.now();
    // Enough for the first refusal on a busy machine.
    const connecting = connectGrpcTarget(target, insecure, { timeoutMs: 1000 });
    expect(await settlesWithin(2000, connecting)).toBe(true);
    expect(performance.now() - started).toBeGreaterThan(990);
    const error = await rejectionOf(connecting);
    expect(error).toMatchObject({ code: 'TIMEOUT', endpoint: target });
    expect(error.hint).toMatch(/No connection is open/);
    expect(String(error.cause)).toContain('ECONNREFUSED');
    await noSocketsLeft(before, { timeoutMs: 2000 });
  });

  it('leaves nothing when the server accepts but never answers', async () => {
    const { endpoint, sockets } = await plainServer('tcp');
    const before = openDescriptors();
    const connecting = connectGrpcTarget(`dns:///localhost:${portOf(endpoint)}`, insecure, { timeoutMs: 1000 });
    const error = await rejectionOf(connecting);
    expect(error).toMatchObject({ code: 'TIMEOUT', hint: expect.stringMatching(/connection was accepted/) as string });
    expect(sockets.length).toBeGreaterThan(0);
    await until(() => sockets.every((socket) => socket.resume().destroyed), { timeoutMs: 2000 });
    await noSocketsLeft(before, { timeoutMs: 2000 });
  });

  it('stops when aborted', async () => {
    const server = await plainServer('tcp');
    const { endpoint } = server;
    const accepted = server.nextSocket();
    const aborter = new AbortController();
    const target = `dns:///localhost:${portOf(endpoint)}`;
    const connecting = rejectionOf(connectGrpcTarget(target, insecure, { signal: aborter.signal }));
    await accepted;
    aborter.abort('no longer wanted');
    expect(await connecting).toMatchObject({ code: 'ABORTED', cause: 'no longer wanted', endpoint: target });
  });
});

describe.each(networks)('channel options over %s', (network) => {
  it('take precedence over the defaults', async () => {
    const { endpoint } = await startPlugin(network);
    const channelOptions = { 'grpc.max_receive_message_length': 10 };
    const client = (await connected(endpoint, insecure, { channelOptions })).client(Probe);
    expect(await ask(client, 'echo', '0123456789')).toBe('0123456789');
    await expect(ask(client, 'echo', '0123456789x')).rejects.toThrow(/RESOURCE_EXHAUSTED/);
  });

  it('of grpcChannelOptions work with a plain grpc-js client', async () => {
    const { endpoint } = await startPlugin(network);
    const client = new Probe(endpoint, credentials.createInsecure(), grpcChannelOptions(endpoint));
    const [authority] = (await ask(client, 'origin')).split('\n');
    client.close();
    expect(authority).toBe('localhost');
  });
});
