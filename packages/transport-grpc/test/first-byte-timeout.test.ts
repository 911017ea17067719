import { closed, durationOf, onDiagnostic, rejectionOf, standStill, timers, until } from '@rpcplugin/test-support';
import type { DropMessage } from '@rpcplugin/transport-core';
import { describe, expect, it } from 'vitest';
import { serveGrpc } from '../src/index.js';
import { ask, ProbeServer } from './service.js';
import { insecureServer, networks, plainConnection, probeClient, startPlugin, transportOf } from './support.js';

describe.each(networks)('firstByteTimeoutMs over %s', (network) => {
  const serve = { firstByteTimeoutMs: 100 };

  it('closes a peer that sends nothing, and publishes a drop', async () => {
    const { endpoint, transport } = await startPlugin(network, { serve });
    const drops: DropMessage[] = [];
    onDiagnostic('drop', transport, (message) => drops.push(message));
    const peer = await plainConnection(endpoint);
    expect(await durationOf(() => closed(peer))).toBeGreaterThan(50);
    expect(drops).toEqual([{ transport, network: transport.network, endpoint, reason: 'silent' }]);
  });

  it('keeps a peer that sent something, however long it is silent afterwards', async () => {
    const { endpoint } = await startPlugin(network, { serve });
    const client = await probeClient(endpoint);
    const talker = await plainConnection(endpoint);
    talker.write('P');
    await closed(await plainConnection(endpoint));
    await closed(await plainConnection(endpoint));
    expect(talker.destroyed).toBe(false);
    expect(await ask(client, 'echo', 'still here')).toBe('still here');
  });

  it('keeps a peer whose bytes arrived while this process stood still', async () => {
    const { accepted, endpoint } = await startPlugin(network, { serve });
    const peer = await plainConnection(endpoint);
    await until(() => accepted.length === 1);
    peer.write('P');
    standStill(400);
    await closed(await plainConnection(endpoint));
    expect(accepted[0]?.destroyed).toBe(false);
  });

  it('leaves no timer for a peer that disconnects', async () => {
    const { accepted, endpoint } = await startPlugin(network, { serve: { firstByteTimeoutMs: 60_000 } });
    const before = timers();
    const peers = await Promise.all(Array.from({ length: 5 }, () => plainConnection(endpoint)));
    await until(() => accepted.length === peers.length);
    expect(timers()).toBeGreaterThanOrEqual(before + peers.length);
    for (const peer of peers) peer.destroy();
    await until(() => timers() <= before);
  });

  it('closes a thousand silent peers while it serves others', async () => {
    const { accepted, endpoint } = await startPlugin(network, { serve: { firstByteTimeoutMs: 1000 } });
    const client = await probeClient(endpoint);
    const peers = [];
    // One by one: plain sockets do not wait for room in the backlog.
    while (peers.length < 1000) peers.push(await plainConnection(endpoint));
    expect(await ask(client, 'echo', 'hello')).toBe('hello');
    await Promise.all(peers.map(closed));
    await until(() => accepted.filter((socket) => !socket.closed).length === 1);
    expect(await ask(client, 'echo', 'hello')).toBe('hello');
  });

  it('closes no peer when set to Infinity', async () => {
    const { accepted, endpoint } = await startPlugin(network, { serve: { firstByteTimeoutMs: Infinity } });
    const peer = await plainConnection(endpoint);
    const other = await startPlugin(network, { serve });
    await closed(await plainConnection(other.endpoint));
    expect(peer.destroyed).toBe(false);
    expect(accepted[0]?.destroyed).toBe(false);
  });

  it.each([-1, NaN, '5', null])('rejects %s with INVALID_ARGUMENT, and does not listen', async (value) => {
    const transport = await transportOf(network);
    const options = { firstByteTimeoutMs: value as number };
    const error = await rejectionOf(serveGrpc(new ProbeServer('test').server, transport, insecureServer, options));
    expect(error.code).toBe('INVALID_ARGUMENT');
    expect(error.message).toContain('firstByteTimeoutMs');
    expect(transport.endpoint).toBeUndefined();
  });
});
