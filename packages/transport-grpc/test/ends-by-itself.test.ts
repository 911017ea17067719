import { once } from 'node:events';
import { freshDirectory, startChild } from '@rpcplugin/test-support';
import type { Child } from '@rpcplugin/test-support';
import { describe, expect, it } from 'vitest';
import { makeIdentity } from './certificates.js';
import { listenEndpoint, networks, plainServer, PROMPT_MS, childCommand } from './support.js';

/** Whether it ends without an error, soon after all that it had has been closed. */
async function endsByItself(child: Child): Promise<void> {
  const closedAt = once(child.process, 'disconnect').then(() => performance.now());
  expect(await child.ended).toMatchObject({ status: 0, stderr: '' });
  expect(performance.now() - (await closedAt)).toBeLessThan(PROMPT_MS);
}

describe.each(networks)('a process that has closed everything, over %s, ends by itself', (network) => {
  it.each([
    'calls',
    'failed connects',
    'calls that are cut off',
    'a connection that is closed while its plugin is away',
  ])('after %s', async (what) => {
    // Whoever connects to it gets no answer, and is not cut off.
    const { endpoint } = await plainServer(network);
    await endsByItself(startChild(childCommand('ends.ts', what, network, endpoint)));
  });

  it('after a plugin that is killed', async () => {
    const plugin = startChild(childCommand('plugin.ts', 'serve', await listenEndpoint(network)));
    const host = startChild(
      childCommand('ends.ts', 'a plugin that is killed', network, String(await plugin.message())),
    );
    await host.message();
    const ended = endsByItself(host);
    await plugin.kill();
    await ended;
  });
});

describe.each(networks)('a process that has called a plugin over %s, and closed nothing, ends by itself', (network) => {
  it.each(['without TLS', 'with mutual TLS'])('%s', async (security) => {
    const directories = security === 'without TLS' ? [] : [await freshDirectory(), await freshDirectory()];
    await Promise.all(directories.map((directory) => makeIdentity(directory, 'localhost')));
    const address = await listenEndpoint(network);
    const plugin = startChild(childCommand('plugin.ts', 'serve', address, ...directories));
    await endsByItself(startChild(childCommand('idle.ts', String(await plugin.message()), ...directories)));
  });
});
