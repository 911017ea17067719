// Sockets that a host holds for its plugins, over unix and TCP.
import { fstatSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import {
  codeOf,
  onDiagnostic,
  openDescriptors,
  portOf,
  rejectionOf,
  run,
  script,
  socketsSince,
  turns,
  until,
} from '@rpcplugin/test-support';
import { TCPSocketTransport } from '@rpcplugin/transport-tcp';
import { UnixSocketTransport } from '@rpcplugin/transport-unix';
import { describe, expect, it } from 'vitest';
import { connectTo, hostTransport, networks, pluginCommand, received, startPlugin } from './support.js';
import type { Plugin } from './support.js';

describe.each(networks)('a socket that a host holds, over %s,', (network) => {
  it('queues connections, and the host takes none of them', async () => {
    const { transport, path } = await hostTransport(network);
    const accepted: unknown[] = [];
    onDiagnostic('accept', transport, (message) => accepted.push(message));
    const { endpoint, fd } = await transport.hold();
    const sockets = await Promise.all(Array.from({ length: 200 }, () => connectTo(endpoint)));
    await turns(100);
    expect(accepted).toEqual([]);
    const plugin = await startPlugin(fd, pluginCommand(network, path));
    const answers = await Promise.all(sockets.map(received));
    expect(new Set(answers)).toEqual(new Set([String(plugin.process.pid)]));
  });

  it('queues connections while no plugin runs, whether the last one was closed or killed', async () => {
    const { transport, path } = await hostTransport(network);
    const { endpoint, fd } = await transport.hold();
    const answers: string[] = [];
    const pids: string[] = [];
    let waiting = await connectTo(endpoint);
    for (const end of ['stop', 'kill', 'stop', 'kill'] as const) {
      const plugin = await startPlugin(fd, pluginCommand(network, path));
      pids.push(String(plugin.process.pid));
      answers.push(await received(waiting));
      await plugin[end]();
      waiting = await connectTo(endpoint);
    }
    expect(answers).toEqual(pids);
  });

  it('loses none of 1,000 calls, each on a connection of its own, while the plugin restarts 20 times', async () => {
    const { transport, path } = await hostTransport(network);
    const { endpoint, fd } = await transport.hold();
    const start = (): Promise<Plugin> => startPlugin(fd, pluginCommand(network, path));
    let plugin = await start();
    const state = { calls: 0, isOver: false };
    const pids = new Set<string>();
    const failed: unknown[] = [];
    const keepCalling = async (): Promise<void> => {
      while (!state.isOver) {
        const answer = await connectTo(endpoint).then(received, String);
        if (/^\d+$/.test(answer)) pids.add(answer);
        else failed.push(answer);
        state.calls++;
      }
    };
    const calling = Array.from({ length: 4 }, keepCalling);
    for (let restarts = 0; restarts < 20; restarts++) {
      const before = state.calls;
      await until(() => state.calls >= before + 50);
      // In turn: the next plugin starts before the last one stops, and there is none in between.
      const next = restarts % 2 === 0 ? await start() : undefined;
      await plugin.stop();
      plugin = next ?? (await start());
    }
    state.isOver = true;
    await Promise.all(calling);
    expect(failed).toEqual([]);
    expect(state.calls).toBeGreaterThanOrEqual(1000);
    expect(pids.size).toBeGreaterThanOrEqual(20);
  });

  it('is shared by plugins that run at the same time', async () => {
    const { transport, path } = await hostTransport(network);
    const { endpoint, fd } = await transport.hold();
    const plugins = await Promise.all([1, 2].map(() => startPlugin(fd, pluginCommand(network, path))));
    const pids = plugins.map(({ process }) => String(process.pid));
    const answers = new Set<string>();
    await until(async () => {
      answers.add(await received(await connectTo(endpoint)));
      return answers.size === 2;
    });
    expect([...answers].sort()).toEqual(pids.sort());
    // The other one goes on.
    await plugins[0]?.stop();
    expect(await received(await connectTo(endpoint))).toBe(pids.find((pid) => pid === String(plugins[1]?.process.pid)));
  });

  it('refuses connections once the host has released it', async () => {
    const before = openDescriptors();
    const { transport } = await hostTransport(network);
    const { endpoint } = await transport.hold();
    await transport.stopListening();
    expect(await codeOf(connectTo(endpoint))).toBe(network === 'unix' ? 'ENOENT' : 'ECONNREFUSED');
    expect(socketsSince(before)).toEqual([]);
  });

  it('can be held again, and be listened on by the host itself, after it was released', async () => {
    const { transport } = await hostTransport(network);
    await transport.hold();
    await transport.stopListening();
    await transport.hold();
    await transport.stopListening();
    const endpoint = await transport.listen({ onConnection: (socket) => socket.resume().end('host') });
    expect(await received(await connectTo(endpoint))).toBe('host');
  });

  it('is not listened on by the process that holds it', async () => {
    const { transport, path } = await hostTransport(network);
    const { fd } = await transport.hold();
    const second = path === undefined ? new TCPSocketTransport({ fd }) : new UnixSocketTransport({ fd, path });
    expect(await codeOf(second.listen())).toBe('ADDRESS_IN_USE');
    await second.close();
    expect(fstatSync(fd).isSocket()).toBe(true);
  });

  it('is the listener of its transport', async () => {
    const { transport } = await hostTransport(network);
    const listening: unknown[] = [];
    onDiagnostic('listen', transport, (message) => listening.push(message.endpoint));
    const { endpoint } = await transport.hold();
    expect([transport.endpoint, ...listening]).toEqual([endpoint, endpoint]);
    expect(await codeOf(transport.hold())).toBe('ALREADY_LISTENING');
    expect(await codeOf(transport.listen())).toBe('ALREADY_LISTENING');
    await transport.close();
    expect(await codeOf(transport.hold())).toBe('CLOSED');
  });

  it('is not held if the call is aborted or an option is wrong', async () => {
    const { transport } = await hostTransport(network);
    expect(await codeOf(transport.hold({ signal: AbortSignal.abort() }))).toBe('ABORTED');
    expect(await codeOf(transport.hold(null as never))).toBe('INVALID_ARGUMENT');
    expect(transport.endpoint).toBeUndefined();
  });

  it('has its address for itself', async () => {
    const { transport } = await hostTransport(network);
    const { endpoint } = await transport.hold();
    const other =
      network === 'unix'
        ? new UnixSocketTransport({ path: endpoint })
        : new TCPSocketTransport({ port: portOf(endpoint) });
    const { code, hint, endpoint: named } = await rejectionOf(other.hold());
    expect({ code, hint: typeof hint, named }).toEqual({ code: 'ADDRESS_IN_USE', hint: 'string', named: endpoint });
    await connectTo(endpoint);
  });

  it('does not keep the host running', async () => {
    const { path } = await hostTransport(network);
    const code = `
      import { TCPSocketTransport } from '@rpcplugin/transport-tcp';
      import { UnixSocketTransport } from '@rpcplugin/transport-unix';
      const path = process.argv[2];
      const transport = path === '' ? new TCPSocketTransport() : new UnixSocketTransport({ path });
      const { fd } = await transport.hold();
      console.log(fd > 2);
    `;
    const ending = await run(script(import.meta.url, code, path ?? ''));
    expect(ending).toEqual({ status: 0, stdout: 'true\n', stderr: '' });
    if (path !== undefined) expect(await readdir(dirname(path))).toEqual([]);
  });
});

it('a held port can be the first free one of a range', async () => {
  const { transport } = await hostTransport('tcp');
  const { endpoint } = await transport.hold();
  const port = portOf(endpoint);
  const range = new TCPSocketTransport({ port: { min: port, max: Math.min(port + 100, 65_535) } });
  const held = await range.hold();
  expect(portOf(held.endpoint)).toBeGreaterThan(port);
  await range.close();
});

it('a held unix socket has its mode, and its file goes when the host releases it, not when a plugin ends', async () => {
  const { path = '', transport } = await hostTransport('unix');
  const { fd } = await transport.hold();
  expect((await stat(path)).mode & 0o777).toBe(0o660);
  const plugin = await startPlugin(fd, pluginCommand('unix', path));
  await plugin.stop();
  expect(await readdir(dirname(path))).toEqual(['p.sock']);
  await transport.close();
  expect(await readdir(dirname(path))).toEqual([]);
});
