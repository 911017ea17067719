import { readdirSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { credentials, ServerCredentials } from '@grpc/grpc-js';
import { launchPlugin } from '@rpcplugin/example-kv/host';
import type { Plugin } from '@rpcplugin/example-kv/host';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { answerOf, echo, echoServer } from '../src/echo.js';
import type { ExchangeMessage__Output } from '../src/generated/interop/ExchangeMessage.js';
import { GrpcBroker } from '../src/grpc-broker.js';
import { newTransport } from '../src/new-transport.js';
import { Exchange, GRPCBroker } from '../src/protos.js';

const EXCHANGES = 200;
const AT_ONCE = 20;
const descriptorsOf = (id: string): number => readdirSync(`/proc/${id}/fd`).length;
const file = fileURLToPath(new URL('children/exchange-plugin.ts', import.meta.url));

describe.each(['unix', 'tcp'])('a plugin and its host, over %s', (network) => {
  let directory: string;
  let plugin: Plugin;
  let broker: GrpcBroker;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'broker-'));
    plugin = await launchPlugin(
      process.execPath,
      ['--conditions=@rpcplugin/source', '--import', 'tsx', file, network],
      {
        env: { XDG_RUNTIME_DIR: directory },
        signal: AbortSignal.timeout(20_000),
      },
    );
    broker = new GrpcBroker(plugin.connection.client(GRPCBroker).StartStream(), {
      transport: () => newTransport(network),
      server: ServerCredentials.createInsecure(),
      channel: credentials.createInsecure(),
    });
  });

  afterEach(async () => {
    await plugin.stop();
    await rm(directory, { recursive: true });
  });

  /** Serves for the plugin, has it call, and calls what it then serves. */
  async function exchange(): Promise<void> {
    const ours = broker.nextService();
    const value = Buffer.from(`exchange ${ours}`);
    const listener = await broker.serve(ours, echoServer());
    const client = plugin.connection.client(Exchange);
    const answer = await answerOf<ExchangeMessage__Output>((done) => client.Exchange({ service: ours, value }, done));
    await listener.close();
    expect(answer.value).toEqual(value);
    const theirs = await broker.dial(answer.service);
    expect(await echo(theirs, value)).toEqual(value);
    theirs.close();
  }

  it('serve each other some hundreds of brokered services while calls run, and keep nothing of them', async () => {
    const processes = ['self', String(plugin.process.pid)];
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
      while (left-- > 0) await exchange();
    });
    await Promise.all(workers);
    await calling;

    expect(calls).toBeGreaterThan(EXCHANGES / 10);
    // What either opens once and keeps, such as Node for watching files, is less than one each of the hundreds.
    for (const [index, id] of processes.entries()) {
      await expect.poll(() => descriptorsOf(id), { timeout: 10_000 }).toBeLessThan((before[index] ?? NaN) + 10);
    }
    expect(await plugin.stop()).toBe(0);
    expect(await readdir(directory)).toEqual([]);
  });
});
