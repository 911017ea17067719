import { once } from 'node:events';
import { freshDirectory, settlesWithin, startChild } from '@rpcplugin/test-support';
import type { Child } from '@rpcplugin/test-support';
import { describe, expect, it } from 'vitest';
import { makeIdentity } from './certificates.js';
import { childCommand, listenEndpoint, networks, plainServer, PROMPT_MS, startPlugin } from './support.js';

/** Expects a process to exit without an error, soon after it has closed its last resource: the IPC channel. */
async function endsByItself(child: Child): Promise<void> {
  await Promise.race([once(child.process, 'disconnect'), child.ended]);
  expect(await settlesWithin(PROMPT_MS, child.ended)).toBe(true);
  expect(await child.ended).toMatchObject({ status: 0, stderr: '' });
}

describe.each(networks)('a process that closed everything over %s exits by itself', (network) => {
  it.each([
    'calls',
    'failed connects',
    'calls that were cut off',
    'closing with endless streams',
    'a connection closed while its plugin was away',
  ])('after %s', async (what) => {
    // Accepts connections, and neither answers nor closes them.
    const { endpoint } = await plainServer(network);
    await endsByItself(startChild(childCommand('exits-after.ts', what, network, endpoint)));
  });

  it('after its plugin was killed', async () => {
    const plugin = startChild(childCommand('plugin.ts', 'serve', await listenEndpoint(network)));
    const host = startChild(childCommand('exits-after.ts', 'a killed plugin', network, String(await plugin.message())));
    await host.message();
    const ended = endsByItself(host);
    await plugin.kill();
    await ended;
  });
});

describe.each(networks)('a process that called a plugin over %s and closed nothing exits by itself', (network) => {
  it.each(['without TLS', 'with mutual TLS'])('%s', async (security) => {
    const directories = security === 'without TLS' ? [] : [await freshDirectory(), await freshDirectory()];
    await Promise.all(directories.map((directory) => makeIdentity(directory, 'localhost')));
    const address = await listenEndpoint(network);
    const plugin = startChild(childCommand('plugin.ts', 'serve', address, ...directories));
    await endsByItself(startChild(childCommand('idle.ts', String(await plugin.message()), ...directories)));
  });
});

describe.each(['unix', 'tcp', 'duplex'] as const)('a host over %s', (medium) => {
  it('stays alive during a call, and no longer', async () => {
    const { endpoint, probe } = await startPlugin(medium);
    const arrived = probe.nextHanging();
    const host = startChild(childCommand('waits.ts', endpoint));
    const alone = once(host.process, 'disconnect');
    await arrived;
    await alone;
    probe.release();
    expect(await host.ended).toMatchObject({ status: 0, stdout: 'the answer\n', stderr: '' });
  });
});
