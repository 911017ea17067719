import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { makeIdentity } from './certificates.js';
import { freeEndpoint, freshDirectory, networks, plainServer, PROMPT_MS, startChild } from './support.js';
import type { Child } from './support.js';

/** Whether it ends without an error, soon after all that it had has been closed. */
async function endsByItself(child: Child): Promise<void> {
  const closedAt = once(child.process, 'disconnect').then(() => performance.now());
  expect(await child.exited).toEqual({ result: 0, errors: '' });
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
    await endsByItself(startChild('ends.ts', [what, network, endpoint]));
  });

  it('after a plugin that is killed', async () => {
    const plugin = startChild('plugin.ts', ['serve', network === 'tcp' ? '127.0.0.1:0' : await freeEndpoint(network)]);
    const host = startChild('ends.ts', ['a plugin that is killed', network, String(await plugin.message())]);
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
    const address = network === 'tcp' ? '127.0.0.1:0' : await freeEndpoint(network);
    const plugin = startChild('plugin.ts', ['serve', address, ...directories]);
    await endsByItself(startChild('idle.ts', [String(await plugin.message()), ...directories]));
  });
});
