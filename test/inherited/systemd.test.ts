// Sockets of systemd's own socket activation, over unix and TCP.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { freePort, freshDirectory, until } from '@rpcplugin/test-support';
import { describe, expect, it } from 'vitest';
import { connectTo, networks, Plugin, pluginCommand, received } from './support.js';

const program = 'systemd-socket-activate';
const isMissing = spawnSync(program, ['--version']).error !== undefined;
if (isMissing && process.env['INTEROP'] === 'required') throw new Error(`${program} is missing`);

describe.skipIf(isMissing).each(networks)('a plugin that systemd starts, over %s,', (network) => {
  it('accepts on the socket that systemd opened, and its first connection loses nothing', async () => {
    const address = network === 'unix' ? join(await freshDirectory(), 'p.sock') : `127.0.0.1:${await freePort()}`;
    const endpoint = network === 'unix' ? `unix:${address}` : address;
    const plugin = new Plugin([program, `--listen=${address}`, '--fdname=rpc', ...pluginCommand(network)]);
    await until(() => plugin.output.includes(`Listening on ${address} as 3.`));
    // It starts the plugin in its own place when a connection arrives.
    const first = await connectTo(endpoint);
    expect(await received(first)).toBe(String(plugin.process.pid));
    expect(await plugin.report()).toEqual({
      endpoint,
      passed: [{ fd: 3, name: 'rpc' }],
      isInherited: false,
      environment: [],
    });
    expect(await received(await connectTo(endpoint))).toBe(String(plugin.process.pid));
    expect(await plugin.stop()).toMatchObject({ status: 0 });
  });
});
