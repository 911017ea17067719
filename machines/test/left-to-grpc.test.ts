// What `connectGrpcTarget` leaves to gRPC: the table in docs/other-machines.md.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freshDirectory, sharedDirectory, until, whenAllAreOver } from '@rpcplugin/test-support';
import { beforeAll, expect, it, onTestFinished } from 'vitest';
import { describeMachines } from '../src/describe-machines.js';
import { PORT } from '../src/programs.js';
import type { ClientConnection, ClientProcess } from '../src/programs.js';
import { Site } from '../src/site.js';
import type { PluginMachine } from '../src/site.js';

const LIMIT_MS = 60_000;
const PROXY_PORT = 8888;

describeMachines('connectGrpcTarget', ['nft', 'tinyproxy'], () => {
  const whenOver = whenAllAreOver();
  const directory = sharedDirectory();
  let site: Site;
  let client: ClientProcess;
  beforeAll(async () => {
    site = await Site.start(directory, { whenOver, names: ['proxied', 'refusing', 'vanishing', 'idle'] });
    client = await site.startClient();
  });

  function machine(name: string): PluginMachine {
    const found = site.machines.find((each) => each.name === name);
    if (found === undefined) throw new Error(`no machine ${name}`);
    return found;
  }

  const targetOf = ({ host }: PluginMachine): string => `dns:///${host.ipv4}:${PORT}`;

  function connect(target: string, channelOptions: object = {}): Promise<ClientConnection> {
    return client.connect(target, { timeoutMs: 30_000, channelOptions: { ...channelOptions } });
  }

  it('goes through the HTTP proxy of the environment to a dns: target, but not to a list', async () => {
    const config = join(await freshDirectory(), 'tinyproxy.conf');
    await writeFile(config, `Port ${PROXY_PORT}\nListen ${site.lan.ipv4}\nLogLevel Info\n`);
    const proxy = site.lan.start(['tinyproxy', '-d', '-c', config], { whenOver: onTestFinished });
    await proxy.printed(/Accepting connections/);

    const env = { grpc_proxy: `http://${site.lan.ipv4}:${PROXY_PORT}`, no_proxy: undefined, no_grpc_proxy: undefined };
    const proxied = await site.startClient({ whenOver: onTestFinished, env });
    const { ipv4 } = machine('proxied').host;
    const direct = await proxied.connect(`ipv4:${ipv4}:${PORT},${machine('idle').host.ipv4}:${PORT}`);
    expect((await direct.call()).status).toBe('OK');
    expect(proxy.output).not.toContain('CONNECT');
    const through = await proxied.connect(`dns:///${ipv4}:${PORT}`);
    expect(await through.call()).toMatchObject({ status: 'OK', machine: 'proxied' });
    await until(() => proxy.output.includes(`CONNECT ${ipv4}:${PORT}`));
  });

  it('backs off from a machine that refuses, and channelOptions shorten that', async () => {
    const refusing = machine('refusing');
    const slow = await connect(targetOf(refusing));
    const quick = await connect(targetOf(refusing), {
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 100,
    });
    const attempts = await countAttempts(refusing);
    await refusing.kill();

    const began = performance.now();
    await slow.load(1000);
    await until(async () => (await attempts()) >= 3, { timeoutMs: LIMIT_MS });
    // 1 s and 1.6 s, give or take a fifth.
    expect(performance.now() - began).toBeGreaterThan(2000);
    await slow.close();

    const before = await attempts();
    await quick.load(1000);
    // They would take 70 s by default.
    await until(async () => (await attempts()) - before >= 10, { timeoutMs: LIMIT_MS });
    await quick.close();
  });

  it('pings as gRPC does with grpc.keepalive_time_ms, also without calls', async () => {
    const connection = await connect(targetOf(machine('vanishing')), {
      'grpc.keepalive_time_ms': 500,
      'grpc.keepalive_timeout_ms': 1000,
      'grpc.keepalive_permit_without_calls': 1,
    });
    await connection.call();
    await machine('vanishing').host.unplug();
    // The kernel's keep-alive takes 40 s.
    await until(async () => (await connection.connections()) === 0, { timeoutMs: 30_000 });
  });

  it('disconnects after grpc.client_idle_timeout_ms without calls, and connects for the next call', async () => {
    const connection = await connect(targetOf(machine('idle')), { 'grpc.client_idle_timeout_ms': 1000 });
    expect((await connection.call()).status).toBe('OK');
    await until(async () => (await connection.connections()) === 0, { timeoutMs: LIMIT_MS });
    expect((await connection.call()).status).toBe('OK');
  });
});

/** Counts the connections to a machine's plugin that are attempted from now on. */
async function countAttempts({ host }: PluginMachine): Promise<() => Promise<number>> {
  await host.run(
    ['nft', '-f', '-'],
    `table inet attempts {
       counter attempts { }
       chain arriving {
         type filter hook input priority 0;
         tcp dport ${PORT} tcp flags & (syn | ack) == syn counter name attempts
       }
     }`,
  );
  return async () => {
    const { stdout } = await host.start(['nft', 'list', 'counters']).ended;
    return Number(/packets (\d+)/.exec(stdout)?.[1]);
  };
}
