import { once } from 'node:events';
import { Metadata, status } from '@grpc/grpc-js';
import { anyRejectionOf, codeOf, until } from '@rpcplugin/test-support';
import { describe, expect, it } from 'vitest';
import { ask, call, Name, Probe } from './service.js';
import { connected, media, probeClient, startPlugin } from './support.js';

describe.each(media)('gRPC calls over %s', (network) => {
  it('answers a unary call', async () => {
    const client = await probeClient((await startPlugin(network)).endpoint);
    expect(await ask(client, 'echo', 'hello')).toBe('hello');
  });

  it('reads a stream of requests', async () => {
    const client = await probeClient((await startPlugin(network)).endpoint);
    const answer = await new Promise<string>((resolve, reject) => {
      const requests = client.join(new Metadata(), {}, (error, value) => {
        if (error === null) resolve(String(value));
        else reject(error);
      });
      for (const part of ['a', 'b', 'c']) requests.write(Buffer.from(part));
      requests.end();
    });
    expect(answer).toBe('a,b,c');
  });

  it('answers with a stream', async () => {
    const client = await probeClient((await startPlugin(network)).endpoint);
    const parts: unknown[] = await client.split(Buffer.from('a,b,c'), new Metadata(), {}).toArray();
    expect(parts.map(String)).toEqual(['a', 'b', 'c']);
  });

  it('streams both ways at once', async () => {
    const client = await probeClient((await startPlugin(network)).endpoint);
    const chat = client.chat(new Metadata(), {});
    const answers: string[] = [];
    for (const part of ['a', 'b', 'c']) {
      chat.write(Buffer.from(part));
      answers.push(String(await once(chat, 'data')));
    }
    chat.end();
    await once(chat, 'end');
    expect(answers).toEqual(['A', 'B', 'C']);
  });

  it('runs many calls at once on one connection', async () => {
    const plugin = await startPlugin(network);
    const client = await probeClient(plugin.endpoint);
    const requests = Array.from({ length: 500 }, (_, i) => String(i));
    expect(await Promise.all(requests.map((request) => ask(client, 'echo', request)))).toEqual(requests);
    expect(plugin.connections).toHaveLength(1);
  });

  it('ends a call at its deadline, on both sides', async () => {
    const { endpoint, probe } = await startPlugin(network);
    const client = await probeClient(endpoint);
    const arrived = probe.nextHanging();
    const answer = call(client, 'hang', '', { deadline: Date.now() + 100 });
    expect(await codeOf(answer)).toBe(status.DEADLINE_EXCEEDED);
    const hanging = await arrived;
    await until(() => hanging.cancelled);
    expect(await ask(client, 'echo', 'next')).toBe('next');
  });

  it('tells the server that a call was cancelled', async () => {
    const { endpoint, probe } = await startPlugin(network);
    const client = await probeClient(endpoint);
    const canceller = new AbortController();
    const arrived = probe.nextHanging();
    const answer = codeOf(call(client, 'hang', '', { signal: canceller.signal }));
    const hanging = await arrived;
    const cancelled = once(hanging, 'cancelled');
    canceller.abort();
    expect(await answer).toBe(status.CANCELLED);
    await cancelled;
    expect(await ask(client, 'echo', 'next')).toBe('next');
  });

  it('carries metadata in requests, responses and trailers', async () => {
    const client = await probeClient((await startPlugin(network)).endpoint);
    const metadata = new Metadata();
    metadata.set('text', 'value');
    metadata.add('twice', '1');
    metadata.add('twice', '2');
    metadata.set('bytes-bin', Buffer.from([0, 255, 10]));
    const answer = await call(client, 'echo', '', { metadata });
    for (const received of [answer.metadata, answer.trailers]) {
      expect(received.get('text')).toEqual(['value']);
      expect(received.get('twice').join()).toMatch(/^1, ?2$/);
      expect(received.get('bytes-bin')).toEqual([Buffer.from([0, 255, 10])]);
    }
  });

  it('carries an error with its status, details and metadata', async () => {
    const client = await probeClient((await startPlugin(network)).endpoint);
    const error = await anyRejectionOf(call(client, 'fail'));
    expect(error).toMatchObject({ code: status.FAILED_PRECONDITION, details: 'as it was told: “no”' });
    expect((error as { metadata: Metadata }).metadata.get('why')).toEqual(['asked']);
  });

  it('carries messages of 32 MiB both ways', async () => {
    const client = await probeClient((await startPlugin(network)).endpoint);
    const message = Buffer.alloc(32 * 1024 * 1024, 'rpcplugin');
    const { value } = await call(client, 'echo', message);
    expect(value.equals(message)).toBe(true);
  });

  it('shares one connection between clients of several services', async () => {
    const plugin = await startPlugin(network, { name: 'one' });
    const connection = await connected(plugin.endpoint);
    const clients = [connection.client(Probe), connection.client(Probe)];
    const name = connection.client(Name);
    expect(await Promise.all(clients.map((client) => ask(client, 'echo', 'hello')))).toEqual(['hello', 'hello']);
    expect(await ask(name, 'name')).toBe('one');
    expect(clients.map((client) => client.getChannel())).toEqual([connection.channel, connection.channel]);
    expect(plugin.connections).toHaveLength(1);
  });

  it('opens a connection for each connectGrpc', async () => {
    const plugin = await startPlugin(network);
    await Promise.all([probeClient(plugin.endpoint), probeClient(plugin.endpoint)]);
    expect(plugin.connections).toHaveLength(2);
  });

  it('uses the authority localhost', async () => {
    const client = await probeClient((await startPlugin(network)).endpoint);
    expect(await ask(client, 'origin')).toMatch(/^localhost\n/);
  });

  it('shows the endpoint as the peer of a call', async () => {
    const { endpoint } = await startPlugin(network);
    const client = await probeClient(endpoint);
    const metadata = new Metadata();
    const running = client.echo(Buffer.from('hello'), metadata, {}, () => undefined);
    await once(running, 'status');
    expect(running.getPeer()).toBe(endpoint);
  });

  it('uses the authority option', async () => {
    const { endpoint } = await startPlugin(network);
    const client = await probeClient(endpoint, undefined, { authority: 'plugin.example' });
    expect(await ask(client, 'origin')).toMatch(/^plugin\.example\n/);
  });
});
