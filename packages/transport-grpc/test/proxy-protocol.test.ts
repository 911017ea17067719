import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { parseEndpoint } from '@rpcplugin/endpoint-utils';
import {
  binaryHeader,
  closeAfterTest,
  freshDirectory,
  onDiagnostic,
  plainListener,
  portOf,
  rawHeader,
  sharedDirectory,
  textHeader,
  turns,
  until,
} from '@rpcplugin/test-support';
import type { DropMessage, Transport } from '@rpcplugin/transport-core';
import { TCPSocketTransport } from '@rpcplugin/transport-tcp';
import { UnixSocketTransport } from '@rpcplugin/transport-unix';
import { describe, expect, it } from 'vitest';
import { clientTls, makeIdentity, serverTls } from './certificates.js';
import { ask, Probe } from './service.js';
import { connected, networks, plainConnection, startPlugin } from './support.js';
import type { Network, Plugin, PluginOptions } from './support.js';

const identity = await makeIdentity(sharedDirectory(), 'localhost');
const client = { ip: '2001:db8::1', port: 56_324 };
const destination = { ip: '2001:db8::2', port: 443 };
const header = binaryHeader(client, destination);

async function proxiedTransport(network: Network, timeoutMs?: number): Promise<Transport> {
  return closeAfterTest(
    network === 'unix'
      ? new UnixSocketTransport({ directory: await freshDirectory(), proxyProtocol: { timeoutMs } })
      : new TCPSocketTransport({ proxyProtocol: { from: ['127.0.0.1'], timeoutMs } }),
  );
}

/** Starts a plugin behind a proxy. */
async function startProxied(network: Network, options: PluginOptions = {}, timeoutMs?: number): Promise<Plugin> {
  return startPlugin(network, { ...options, transport: await proxiedTransport(network, timeoutMs) });
}

/** A proxy that begins each connection with these bytes and the first ones of the client. Returns its endpoint. */
async function startProxy(endpoint: string, bytes: Buffer): Promise<string> {
  const proxy = await plainListener({ host: '127.0.0.1', port: 0 }, (socket: Socket) => {
    socket.once('data', (early: Buffer) => {
      const onward = connect(parseEndpoint(endpoint));
      onward.on('error', () => undefined).on('close', () => socket.destroy());
      socket.on('close', () => onward.destroy());
      onward.write(Buffer.concat([bytes, early]));
      socket.pipe(onward).pipe(socket);
    });
  });
  return `127.0.0.1:${portOf(proxy)}`;
}

describe.each(networks)('serveGrpc behind a proxy over %s', (network) => {
  it.each([
    ['version 1', textHeader(client, destination)],
    ['version 2', header],
  ])('serves calls, and names the client as their peer, with a header of %s', async (_, bytes) => {
    const { endpoint, transport } = await startProxied(network);
    const connection = await connected(await startProxy(endpoint, bytes));
    expect((await ask(connection.client(Probe), 'origin')).split('\n')[1]).toBe('[2001:db8::1]:56324');
    expect(transport.endpoint).toBe(endpoint);
  });

  it('serves calls under TLS, and names the client as their peer', async () => {
    const { endpoint } = await startProxied(network, { credentials: serverTls(identity) });
    const connection = await connected(await startProxy(endpoint, header), clientTls(identity));
    expect((await ask(connection.client(Probe), 'origin')).split('\n')[1]).toBe('[2001:db8::1]:56324');
  });

  it('names the proxy, or the endpoint of a unix socket, if the client is not known', async () => {
    const { accepted, endpoint } = await startProxied(network);
    const connection = await connected(await startProxy(endpoint, rawHeader({ versionAndCommand: 0x20 })));
    const [, peer] = (await ask(connection.client(Probe), 'origin')).split('\n');
    expect(peer).toBe(network === 'unix' ? endpoint : `127.0.0.1:${accepted[0]?.remotePort ?? 0}`);
  });

  it('drops a client that does not come through the proxy', async () => {
    const { accepted, endpoint, transport } = await startProxied(network);
    const drops: DropMessage[] = [];
    onDiagnostic('drop', transport, (message) => drops.push(message));
    const peer = await plainConnection(endpoint);
    peer.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    await new Promise((resolve) => peer.resume().once('close', resolve));
    await until(() => drops.length === 1);
    expect(drops).toMatchObject([{ reason: 'proxyProtocol', error: { code: 'IO' } }]);
    expect(accepted).toEqual([]);
  });

  it('gives the handshake its whole time after the header', async () => {
    const { accepted, endpoint, transport } = await startProxied(
      network,
      { serve: { handshakeTimeoutMs: 200 } },
      10_000,
    );
    const reasons: string[] = [];
    onDiagnostic('drop', transport, ({ reason }) => reasons.push(reason));
    const late = await plainConnection(endpoint);
    // Without a header for longer than a handshake may take: as long as another one takes.
    const other = await plainConnection(endpoint);
    other.write(header);
    await new Promise((resolve) => other.resume().once('close', resolve));
    expect(reasons).toEqual(['handshake']);
    const started = performance.now();
    late.write(header);
    await new Promise((resolve) => late.resume().once('close', resolve));
    expect(performance.now() - started).toBeGreaterThan(100);
    expect(reasons).toEqual(['handshake', 'handshake']);
    expect(accepted).toHaveLength(2);
  });

  it('does not let close wait for a header, or serve a connection that gets its header then', async () => {
    const { accepted, endpoint, listener } = await startProxied(
      network,
      { serve: { handshakeTimeoutMs: Infinity } },
      Infinity,
    );
    const connection = await connected(await startProxy(endpoint, header));
    const hanging = ask(connection.client(Probe), 'hang');
    hanging.catch(() => undefined);
    const silent = await plainConnection(endpoint);
    const late = await plainConnection(endpoint);
    await until(() => accepted.length === 1);
    await turns(10);
    const closing = listener.close({ graceMs: 600_000 });
    late.resume().write(header);
    await new Promise((resolve) => late.once('close', resolve));
    await listener.close({ graceMs: 0 });
    await closing;
    await until(() => silent.resume().destroyed);
  });
});
