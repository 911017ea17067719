import { formatHandshakeLine } from '@rpcplugin/endpoint-utils';
import { launchPlugin } from '@rpcplugin/example-kv/host';
import type { Plugin } from '@rpcplugin/example-kv/host';
import { freshDirectory, run, typescript } from '@rpcplugin/test-support';
import { expect, it, onTestFinished } from 'vitest';
import { describeInterop } from '../src/describe-interop.js';
import { goPeer, useGoPeer } from '../src/go-peer.js';
import { peers } from '../src/peers.js';

useGoPeer();

async function launch(autoMtls: boolean): Promise<Plugin> {
  const env = { TMPDIR: await freshDirectory() };
  const plugin = await launchPlugin(goPeer, ['plugin'], { env, autoMtls, signal: AbortSignal.timeout(20_000) });
  onTestFinished(async () => {
    plugin.process?.kill('SIGKILL');
    await plugin.connection.close();
  });
  return plugin;
}

/** Probes a plugin by its handshake line. */
async function probe({ running }: Plugin): Promise<{ status: unknown; result: unknown }> {
  const args = ['probe', '--json', '--timeout', '60000', formatHandshakeLine(running)];
  const command = typescript(new URL('../../packages/rpc-endpoint/src/rpc-endpoint.ts', import.meta.url), ...args);
  const { status, stdout } = await run(command);
  return { status, result: JSON.parse(stdout) as unknown };
}

const role = 'plugin that rpc-endpoint probes';

describeInterop({ peer: peers.goPlugin, role, over: 'unix' }, () => {
  it('is healthy, and goes on after the probe', async () => {
    const plugin = await launch(false);
    const { status, result } = await probe(plugin);
    expect(status).toBe(0);
    const listeners = [{ pid: plugin.process?.pid, command: expect.stringContaining('plugin') as string }];
    expect(result).toMatchObject({ status: 'live', listeners, grpc: { protocol: 'HTTP/2', health: 'SERVING' } });
    expect(await plugin.stop()).toBe(0);
  });
});

describeInterop({ peer: peers.goPlugin, role, over: 'unix, AutoMTLS' }, () => {
  it('accepts its host only, and goes on after the probe', async () => {
    const plugin = await launch(true);
    const { status, result } = await probe(plugin);
    expect(status).toBe(1);
    const advice: unknown = expect.stringContaining('--cert');
    expect(result).toMatchObject({
      status: 'live',
      grpc: { protocol: 'TLS' },
      findings: [{ level: 'problem', advice }],
    });
    expect(await plugin.stop()).toBe(0);
  });
});
