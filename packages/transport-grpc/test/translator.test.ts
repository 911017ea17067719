import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { pathTranslator, portTranslator } from '@rpcplugin/endpoint-utils';
import type { AddressTranslator } from '@rpcplugin/endpoint-utils';
import { anyRejectionOf, closeAfterTest, freePort, freshDirectory, rejectionOf } from '@rpcplugin/test-support';
import { TCPSocketTransport } from '@rpcplugin/transport-tcp';
import { UnixSocketTransport, unixTransportFactory } from '@rpcplugin/transport-unix';
import { expect, it, onTestFinished } from 'vitest';
import { connectGrpc, GrpcBroker, mutualTls, serveGrpc } from '../src/index.js';
import type { BrokeredService } from '../src/index.js';
import { ask, Probe, ProbeServer } from './service.js';
import { streamEnds } from './stream-ends.js';
import { insecure, insecureServer } from './support.js';

/** A directory that the host shares with its plugin, which sees it at another path. */
async function sharedDirectory(): Promise<{ plugin: string; host: string; translator: AddressTranslator }> {
  const directory = await freshDirectory();
  const host = await freshDirectory();
  const plugin = join(directory, 'plugin');
  await symlink(host, plugin);
  return { plugin, host, translator: pathTranslator({ [plugin]: host }) };
}

it('dials what the plugin listens on where the host sees it, now and for later connections', async () => {
  const { plugin, host, translator } = await sharedDirectory();
  const path = join(host, 'p.sock');
  const serve = () =>
    serveGrpc(new ProbeServer('one').server, closeAfterTest(new UnixSocketTransport({ path })), insecureServer);
  const first = await serve();
  const transport = closeAfterTest(new UnixSocketTransport());
  const connection = await connectGrpc(transport, `unix:${plugin}/p.sock`, insecure, { translator });
  onTestFinished(() => connection.close());
  expect(transport.endpoint).toBe(`unix:${path}`);
  await first.close();
  await serve();
  expect(await ask(connection.client(Probe), 'echo', 'again')).toBe('again');
});

it('names both endpoints, once, in the status of a call that finds the plugin gone', async () => {
  const { plugin, host, translator } = await sharedDirectory();
  const path = join(host, 'p.sock');
  const listener = await serveGrpc(new ProbeServer('one').server, new UnixSocketTransport({ path }), insecureServer);
  const options = { translator, waitMs: 0 };
  const transport = closeAfterTest(new UnixSocketTransport());
  const connection = await connectGrpc(transport, `unix:${plugin}/p.sock`, insecure, options);
  onTestFinished(() => connection.close());
  await listener.close();
  const error = await anyRejectionOf(ask(connection.client(Probe), 'echo', 'hello'));
  expect(String(error).split(`the plugin listens on unix:${plugin}/p.sock, which is unix:${path} here`)).toHaveLength(
    2,
  );
});

it('names both endpoints when it cannot connect', async () => {
  const port = await freePort();
  const translator = portTranslator({ ports: { 50051: port } });
  const connecting = connectGrpc(closeAfterTest(new TCPSocketTransport()), '0.0.0.0:50051', insecure, { translator });
  const error = await rejectionOf(connecting);
  expect(error).toMatchObject({ code: 'CONNECTION_REFUSED', endpoint: `127.0.0.1:${port}` });
  expect(error.hint).toBeDefined();
  expect(error.message).toContain(`the plugin listens on 0.0.0.0:50051, which is 127.0.0.1:${port} here`);
});

it('names one endpoint if the translator leaves it as it is', async () => {
  const path = join(await freshDirectory(), 'p.sock');
  const options = { translator: portTranslator({}), waitMs: 0 };
  const error = await rejectionOf(connectGrpc(new UnixSocketTransport(), `unix:${path}`, insecure, options));
  expect(error).toMatchObject({ code: 'NOT_FOUND', endpoint: `unix:${path}` });
  expect(error.message).not.toContain('the plugin listens');
});

it.each<[what: string, translator: unknown, code: string]>([
  ['an endpoint that the host cannot see', pathTranslator({ '/run': '/srv' }), 'INVALID_ENDPOINT'],
  ['a translator that is no object', 3, 'INVALID_ARGUMENT'],
  ['a translator without the function', { hostToPlugin: String }, 'INVALID_ARGUMENT'],
  ['a translator that returns a promise', { pluginToHost: () => Promise.resolve('unix:/p') }, 'INVALID_ARGUMENT'],
  ['a translator that throws anything', { pluginToHost: () => { throw new Error('no'); } }, 'IO'], // prettier-ignore
])('rejects %s', async (_what, translator, code) => {
  const options = { translator: translator as AddressTranslator };
  expect((await rejectionOf(connectGrpc(new UnixSocketTransport(), 'unix:/tmp/p', insecure, options))).code).toBe(code);
});

it('lets a host and its plugin call what the other side’s broker serves', async () => {
  const { plugin, host, translator } = await sharedDirectory();
  const [one, other] = streamEnds();
  const announced: BrokeredService[] = [];
  other.on('data', (info: BrokeredService) => announced.push(info));
  const broker = (stream: typeof one, directory: string, options: { translator?: AddressTranslator }) =>
    new GrpcBroker(stream, {
      network: 'unix',
      transports: [unixTransportFactory({ directory })],
      credentials: mutualTls(undefined, undefined),
      ...options,
    });
  const ofHost = broker(one, host, { translator });
  const ofPlugin = broker(other, plugin, {});
  onTestFinished(async () => {
    await Promise.all([ofHost.close(), ofPlugin.close()]);
  });
  for (const [serving, dialling] of [
    [ofHost, ofPlugin],
    [ofPlugin, ofHost],
  ] as const) {
    await serving.serve(1, new ProbeServer('brokered').server);
    const connection = await dialling.dial(1);
    expect(await ask(connection.client(Probe), 'echo', 'hello')).toBe('hello');
    await connection.close();
  }
  expect(announced).toMatchObject([{ network: 'unix', address: expect.stringContaining(`${plugin}/`) as string }]);
});
