import { readdirSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { launchPlugin } from '@rpcplugin/example-kv/host';
import type { Plugin } from '@rpcplugin/example-kv/host';
import { freshDirectory } from '@rpcplugin/test-support';
import type { CommandLine } from '@rpcplugin/test-support';
import { describe, expect, it, onTestFinished } from 'vitest';
import { bundlePlugin } from '../src/bundle-plugin.js';
import { describeInterop } from '../src/describe-interop.js';
import { answerOf, echo, echoServer } from '../src/echo.js';
import type { ExchangeMessage__Output } from '../src/generated/interop/ExchangeMessage.js';
import { goPeer, runGo, useGoPeer } from '../src/go-peer.js';
import { peers } from '../src/peers.js';
import { Exchange } from '../src/protos.js';

// Each exchange serves and calls a service on either side.
const EXCHANGES = 60;
const AT_ONCE = 20;
const descriptorsOf = (id: string): number => readdirSync(`/proc/${id}/fd`).length;

const plugin = bundlePlugin(new URL('children/exchange-plugin.ts', import.meta.url));
const exchangePlugin = (network: string): CommandLine => [...plugin, network];

/**
 * Tests a TypeScript host that exchanges brokered services with the plugin that the command starts.
 *
 * @param temporary - The environment variable for the directory of the plugin's sockets.
 */
function itExchanges(network: string, temporary: string, [command, ...args]: CommandLine): void {
  it('serves and calls dozens of brokered services during other calls, and leaks nothing', async () => {
    const directory = await freshDirectory();
    const plugin = await launchPlugin(command, args, {
      env: { [temporary]: directory },
      signal: AbortSignal.timeout(20_000),
    });
    onTestFinished(async () => {
      await plugin.stop();
    });
    const processes = ['self', String(plugin.process?.pid)];
    const before = processes.map(descriptorsOf);

    let left = EXCHANGES;
    let calls = 0;
    const calling = (async () => {
      while (left > 0) {
        await echo(plugin.connection, Buffer.from('meanwhile'));
        calls += 1;
      }
    })();
    const workers = Array.from({ length: AT_ONCE }, async () => {
      while (left-- > 0) await exchange(plugin);
    });
    await Promise.all(workers);
    await calling;

    expect(calls).toBeGreaterThan(EXCHANGES / 10);
    // Either process may open a few descriptors once, such as Node to watch files. A leak would be dozens.
    for (const [index, id] of processes.entries()) {
      await expect.poll(() => descriptorsOf(id), { timeout: 10_000 }).toBeLessThan((before[index] ?? NaN) + 10);
    }
    expect(await plugin.stop()).toBe(0);
    expect(await readdir(directory)).toEqual([]);
  });
}

/** Serves an Echo, has the plugin call it, and calls the Echo that the plugin serves in turn. */
async function exchange(plugin: Plugin): Promise<void> {
  const { broker } = plugin;
  const ours = broker.nextService();
  const value = Buffer.from(`exchange ${ours}`);
  const listener = await broker.serve(ours, echoServer());
  const client = plugin.connection.client(Exchange);
  const answer = await answerOf<ExchangeMessage__Output>((done) => client.Exchange({ service: ours, value }, done));
  await listener.close();
  expect(answer.value).toEqual(value);
  const theirs = await broker.dial(answer.service);
  expect(await echo(theirs, value)).toEqual(value);
  await theirs.close();
}

describe.each(['unix', 'tcp'])('a TypeScript host and plugin, over %s', (network) => {
  itExchanges(network, 'XDG_RUNTIME_DIR', exchangePlugin(network));
});

useGoPeer();

// go-plugin's broker always serves on unix sockets.
describeInterop({ peer: peers.goPlugin, role: 'broker in the plugin of a TypeScript host', over: 'unix' }, () => {
  itExchanges('unix', 'TMPDIR', [goPeer, 'exchange-plugin']);
});

describe.each([
  { over: 'unix', security: 'plain', exchanges: EXCHANGES },
  { over: 'TCP', security: 'plain', exchanges: EXCHANGES },
  // The curve of AutoMTLS, P-521, is slow.
  { over: 'unix, AutoMTLS', security: 'mtls', exchanges: EXCHANGES / 10 },
])('over $over', ({ over, security, exchanges }) => {
  describeInterop({ peer: peers.goPlugin, role: 'broker in the host of a TypeScript plugin', over }, () => {
    it('serves and calls brokered services during other calls', async () => {
      const plugin = exchangePlugin(over.startsWith('unix') ? 'unix' : 'tcp');
      const [answer] = await runGo(['exchange-host', String(exchanges), String(AT_ONCE), security, ...plugin]);
      expect(answer).toBe(`${exchanges} exchanges, calls meanwhile: true`);
    });
  });
});
