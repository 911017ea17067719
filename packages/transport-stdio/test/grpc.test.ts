import { buffer } from 'node:stream/consumers';
import { connectivityState, credentials, Metadata, ServerCredentials, status } from '@grpc/grpc-js';
import {
  closeAfterTest,
  codeOf,
  freshDirectory,
  makeIdentity,
  onDiagnostic,
  rejectionOf,
  run,
  turns,
  typescript,
  until,
} from '@rpcplugin/test-support';
import { connectGrpc, serveGrpc } from '@rpcplugin/transport-grpc';
import { describe, expect, it, onTestFinished } from 'vitest';
import { StdioTransport } from '../src/index.js';
import { socketEnds } from './ends.js';
import { LaunchedPlugin, launches, pluginCommand } from './host.js';
import { ask, probeServer } from './service.js';

describe.each(Object.entries(launches))('a gRPC plugin with its connection on %s', (_name, launch) => {
  it('answers calls', async () => {
    const { client } = await LaunchedPlugin.start(launch);
    expect(String(await ask(client, 'echo', 'hello'))).toBe('hello');
  });

  it('streams both ways', async () => {
    const { client } = await LaunchedPlugin.start(launch);
    const downloaded = await buffer(client.download(Buffer.from('200')));
    expect(downloaded.length).toBe(200 * 2 ** 16);
    const chat = client.chat();
    const sent = Array.from({ length: 200 }, (_, i) => Buffer.alloc(2 ** 16, i));
    for (const message of sent) chat.write(message);
    chat.end();
    expect(Buffer.concat(sent).equals(await buffer(chat))).toBe(true);
  });

  it('secures the connection with AutoMTLS', async () => {
    const identity = await makeIdentity(await freshDirectory(), 'localhost');
    const { client } = await LaunchedPlugin.start(launch, { identity });
    expect(String(await ask(client, 'echo', 'in secret'))).toBe('in secret');
    expect((await buffer(client.download(Buffer.from('50')))).length).toBe(50 * 2 ** 16);
  });

  it('finishes the calls in progress when it is told to stop, and exits', async () => {
    const plugin = await LaunchedPlugin.start(launch);
    const inProgress = ask(plugin.client, 'wait', '100');
    await ask(plugin.client, 'shutdown');
    expect(String(await inProgress)).toBe('100');
    expect(await plugin.ended()).toBe(0);
  });

  it('exits when its host has left', async () => {
    const plugin = await LaunchedPlugin.start(launch);
    await plugin.connection.close();
    await plugin.transport.close();
    expect(await plugin.ended()).toBe(0);
  });

  it('ends calls with UNAVAILABLE when it is killed', async () => {
    const plugin = await LaunchedPlugin.start(launch);
    const lost = codeOf(ask(plugin.client, 'wait', '60000'));
    await ask(plugin.client, 'echo');
    const disconnected = new Promise((resolve) => plugin.connection.onDisconnect(resolve));
    plugin.process.kill('SIGKILL');
    expect(await lost).toBe(status.UNAVAILABLE);
    await disconnected;
  });

  it('is not dialled again after its connection is lost', async () => {
    const plugin = await LaunchedPlugin.start(launch);
    const codes: string[] = [];
    onDiagnostic('error', plugin.transport, ({ operation, error }) => {
      if (operation === 'connect') codes.push((error as unknown as { code: string }).code);
    });
    const disconnected = new Promise((resolve) => plugin.connection.onDisconnect(resolve));
    plugin.process.kill('SIGKILL');
    await disconnected;
    // A call that waits for a connection would be one without end.
    const waiting = codeOf(ask(plugin.client, 'echo', '', { metadata: new Metadata({ waitForReady: true }) }));
    const error = await ask(plugin.client, 'echo').catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: status.UNAVAILABLE,
      details: expect.stringContaining('has had its one connection') as string,
    });
    expect(await waiting).toBe(status.UNAVAILABLE);
    await until(() => plugin.connection.channel.getConnectivityState(false) === connectivityState.SHUTDOWN);
    // A dial that was in progress is over.
    await turns(30);
    const dials = codes.length;
    expect(await codeOf(ask(plugin.client, 'echo'))).toBe(status.UNAVAILABLE);
    expect(codes.length).toBe(dials);
  });
});

it('a host whose plugin was killed exits by itself, although it closes nothing', async () => {
  const host = typescript(new URL('children/careless-host.ts', import.meta.url), ...pluginCommand());
  expect(await run(host)).toMatchObject({ status: 0, stdout: '14 14\n' });
});

it('reports why the gRPC handshake failed, although there is no second connection', async () => {
  const [pair] = await socketEnds(1);
  const [plugin, host] = (pair?.ends ?? []).map((options) => closeAfterTest(new StdioTransport(options)));
  if (plugin === undefined || host === undefined) throw new Error('unreachable');
  const listener = await serveGrpc(
    probeServer(() => undefined),
    plugin,
    ServerCredentials.createInsecure(),
  );
  onTestFinished(() => listener.close({ graceMs: 0 }));
  const error = await rejectionOf(connectGrpc(host, listener.endpoint, credentials.createSsl()));
  expect(error).toMatchObject({
    code: 'IO',
    endpoint: 'stdio:',
    message: expect.stringContaining('the gRPC handshake fails') as string,
    hint: expect.stringContaining('credentials') as string,
  });
});
