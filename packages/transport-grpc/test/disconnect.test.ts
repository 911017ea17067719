import { once } from 'node:events';
import { closed, sharedDirectory, startChild, thrownBy, until } from '@rpcplugin/test-support';
import { describe, expect, it } from 'vitest';
import { clientTls, makeIdentity, serverTls } from './certificates.js';
import { ask, Probe } from './service.js';
import { childCommand, connected, listenEndpoint, media, networks, plainConnection, startPlugin } from './support.js';

const [plugin, host] = await Promise.all([
  makeIdentity(sharedDirectory(), 'localhost'),
  makeIdentity(sharedDirectory(), 'localhost'),
]);

describe.each(media)('over %s', (medium) => {
  it('a listener tells when each host has left, and how many are connected', async () => {
    const { endpoint, listener } = await startPlugin(medium);
    const left: number[] = [];
    listener.onDisconnect((connections) => left.push(connections));
    expect(listener.connections).toBe(0);
    const hosts = [await connected(endpoint), await connected(endpoint)] as const;
    await until(() => listener.connections === 2);
    await hosts[0].close();
    await until(() => left.length === 1);
    await hosts[1].close();
    await until(() => left.length === 2);
    expect(left).toEqual([1, 0]);
  });

  it('a connection tells when the plugin has left, and again when the next one has', async () => {
    const { connections, endpoint } = await startPlugin(medium);
    const connection = await connected(endpoint);
    const left: number[] = [];
    connection.onDisconnect((count) => left.push(count));
    expect(connection.connections).toBe(1);
    const answered = new Promise((resolve) => {
      // A call within the listener dials again.
      const remove = connection.onDisconnect(() => {
        remove();
        expect(connection.connections).toBe(0);
        resolve(ask(connection.client(Probe), 'echo', 'back'));
      });
    });
    connections[0]?.destroy();
    expect(await answered).toBe('back');
    expect(connection.connections).toBe(1);
    connections[1]?.destroy();
    await until(() => left.length === 2);
    expect(left).toEqual([0, 0]);
  });

  it('neither end reports a connection that its own close ends', async () => {
    const { endpoint, connections, listener } = await startPlugin(medium);
    const [one, other] = [await connected(endpoint), await connected(endpoint)];
    const reported: string[] = [];
    one.onDisconnect(() => reported.push('host'));
    await one.close();
    listener.onDisconnect(() => reported.push('plugin'));
    const disconnected = new Promise((resolve) => other.onDisconnect(resolve));
    await listener.close();
    await Promise.all(connections.map(closed));
    expect(await disconnected).toBe(0);
    expect(reported).toEqual([]);
  });
});

describe.each(networks)('over %s', (network) => {
  it('both ends tell under TLS', async () => {
    const { accepted, endpoint, listener } = await startPlugin(network, { credentials: serverTls(plugin, host) });
    const connection = await connected(endpoint, clientTls(plugin, host));
    const disconnected = [listener, connection].map((end) => new Promise((resolve) => end.onDisconnect(resolve)));
    accepted[0]?.destroy();
    expect(await Promise.all(disconnected)).toEqual([0, 0]);
  });

  it('a connection tells when the plugin is killed', async () => {
    const child = startChild(childCommand('plugin.ts', 'serve', await listenEndpoint(network)));
    const connection = await connected(String(await child.message()));
    const disconnected = new Promise((resolve) => connection.onDisconnect(resolve));
    await child.kill();
    expect(await disconnected).toBe(0);
  });

  it('a listener does not count a peer that does not begin HTTP/2', async () => {
    const { endpoint, listener } = await startPlugin(network);
    const left: number[] = [];
    listener.onDisconnect((connections) => left.push(connections));
    const [silent, probe] = [await plainConnection(endpoint), await plainConnection(endpoint)];
    const connection = await connected(endpoint);
    probe.write('GET / HTTP/1.1');
    probe.destroy();
    await once(probe, 'close');
    await connection.close();
    await until(() => left.length > 0);
    expect(left).toEqual([0]);
    silent.destroy();
  });
});

it('a plugin can end with its host in one line', async () => {
  const child = startChild(childCommand('ends-with-host.ts'));
  const connection = await connected(String(await child.message()));
  await connection.close();
  expect(await child.ended).toMatchObject({ status: 0, stderr: '' });
});

it('a listener that was removed is not called', async () => {
  const { connections, endpoint } = await startPlugin('unix');
  const connection = await connected(endpoint);
  const calls: string[] = [];
  const remove = connection.onDisconnect(() => calls.push('removed'));
  const disconnected = new Promise((resolve) => connection.onDisconnect(resolve));
  remove();
  connections[0]?.destroy();
  await disconnected;
  expect(calls).toEqual([]);
});

it('a listener that is not a function is an INVALID_ARGUMENT', async () => {
  const { endpoint, listener } = await startPlugin('unix');
  for (const end of [listener, await connected(endpoint)]) {
    expect(thrownBy(() => end.onDisconnect(undefined as never)).code).toBe('INVALID_ARGUMENT');
  }
});
