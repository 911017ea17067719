// Plugins that succeed each other on a socket that their host holds.
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { closeAfterTest, codeOf, freshDirectory, Program, roundsOr, until } from '@rpcplugin/test-support';
import type { HeldSocket } from '@rpcplugin/transport-base';
import { TCPSocketTransport } from '@rpcplugin/transport-tcp';
import { UnixSocketTransport } from '@rpcplugin/transport-unix';
import { describe, expect, it } from 'vitest';
import { ask, Probe } from './service.js';
import type { ProbeClient } from './service.js';
import { childCommand, connected, networks } from './support.js';
import type { Network } from './support.js';

/** Time enough for a plugin to start on a busy machine, in milliseconds. */
const PATIENCE_MS = 60_000;

/** A socket that this process holds, and what starts a plugin on it. */
async function host(network: Network): Promise<HeldSocket & { startPlugin: () => Promise<Program> }> {
  const path = network === 'unix' ? join(await freshDirectory(), 'p.sock') : undefined;
  const transport = path === undefined ? new TCPSocketTransport() : new UnixSocketTransport({ path });
  const held = await closeAfterTest(transport).hold();
  const command = childCommand('inherits-socket.ts', ...(path === undefined ? [] : [path]));
  const startPlugin = async (): Promise<Program> => {
    const plugin = new Program(command, {}, ['pipe', 'pipe', 'pipe', held.fd]);
    await plugin.printed(/listening/);
    return plugin;
  };
  return { ...held, startPlugin };
}

/** A client whose connections wait for a plugin in the queue of the socket. */
async function clientOf({ endpoint }: HeldSocket): Promise<ProbeClient> {
  return (await connected(endpoint, undefined, { timeoutMs: PATIENCE_MS })).client(Probe);
}

/** The answer to a call, or its error. */
function outcome(client: ProbeClient, text: string): Promise<string> {
  return ask(client, 'echo', text, { deadline: Date.now() + PATIENCE_MS }).catch(String);
}

async function stop(plugin: Program): Promise<void> {
  plugin.process.stdin.end();
  expect(await plugin.ended).toMatchObject({ status: 0, stderr: '' });
}

describe.each(networks)('a plugin on a socket that its host holds, over %s,', (network) => {
  it('restarts 20 times without failing any of 1000 calls', async () => {
    const held = await host(network);
    let plugin = await held.startPlugin();
    const client = await clientOf(held);
    const state = { calls: 0, isOver: false };
    const failed: string[] = [];
    const keepCalling = async (): Promise<void> => {
      while (!state.isOver) {
        const text = String(state.calls++);
        const answer = await outcome(client, text);
        if (answer !== text) failed.push(answer);
      }
    };
    const calling = Array.from({ length: 4 }, keepCalling);
    for (let restarts = 0; restarts < roundsOr(20); restarts++) {
      const before = state.calls;
      await until(() => state.calls >= before + 50);
      // In turn: the next plugin starts before the last one stops, and there is none in between.
      const next = restarts % 2 === 0 ? await held.startPlugin() : undefined;
      await stop(plugin);
      plugin = next ?? (await held.startPlugin());
    }
    state.isOver = true;
    await Promise.all(calling);
    expect(failed).toEqual([]);
    expect(state.calls).toBeGreaterThanOrEqual(1000);
  });

  it('fails only the calls in progress when it is killed', async () => {
    const held = await host(network);
    let plugin = await held.startPlugin();
    const client = await clientOf(held);
    for (let kills = 0; kills < 5; kills++) {
      const inProgress = Array.from({ length: 10 }, () => codeOf(ask(client, 'hang', 'x')));
      // Its request follows theirs on the connection.
      expect(await outcome(client, 'before')).toBe('before');
      await plugin.kill();
      expect(new Set(await Promise.all(inProgress))).toEqual(new Set([status.UNAVAILABLE]));
      const later = Array.from({ length: 10 }, (_, index) => outcome(client, String(index)));
      plugin = await held.startPlugin();
      expect(await Promise.all(later)).toEqual(Array.from({ length: 10 }, (_, index) => String(index)));
    }
  });

  it('answers a host that connected before it started', async () => {
    const held = await host(network);
    const connecting = clientOf(held);
    await held.startPlugin();
    expect(await outcome(await connecting, 'early')).toBe('early');
  });
});
