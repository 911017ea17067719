import { sharedDirectory, until, whenAllAreOver } from '@rpcplugin/test-support';
import { beforeAll, expect, it, onTestFinished } from 'vitest';
import { callsReach } from '../src/calls-reach.js';
import { describeMachines } from '../src/describe-machines.js';
import { hasFailed } from '../src/faults.js';
import { NameServer } from '../src/name-server.js';
import { serviceConfigs, way } from '../src/policies.js';
import { PORT } from '../src/programs.js';
import type { ClientConnection, ClientOptions } from '../src/programs.js';
import { Site } from '../src/site.js';
import type { PluginMachine } from '../src/site.js';

const LIMIT_MS = 60_000;

describeMachines('a name of several machines', ['dnsmasq'], () => {
  const whenOver = whenAllAreOver();
  const directory = sharedDirectory();
  const dnsDirectory = sharedDirectory();
  let site: Site;
  let names: NameServer;
  beforeAll(async () => {
    site = await Site.start(directory, { whenOver, plugin: { maxConnectionAgeMs: 1500 } });
    const serviceConfig = JSON.stringify([{ serviceConfig: serviceConfigs.round_robin }]);
    const texts = { 'balanced.internal': `grpc_config=${serviceConfig}` };
    names = await NameServer.start(site.lan, { directory: dnsDirectory, texts });
    await site.lan.useNameServer(names.address, dnsDirectory);
  });

  function resolveTo(...machines: readonly PluginMachine[]): Promise<void> {
    const addresses = machines.flatMap(({ host }) => [host.ipv4, host.ipv6]);
    return names.set({ 'kv.internal': addresses, 'balanced.internal': addresses });
  }

  async function connect(
    target: string,
    options: ReturnType<typeof way>['options'],
    clientOptions?: ClientOptions,
  ): Promise<ClientConnection> {
    const client = await site.startClient({ whenOver: onTestFinished, ...clientOptions });
    return client.connect(target, { timeoutMs: 20_000, ...options });
  }

  it('with IPv4 and IPv6 addresses is followed as it changes, without a failed call', async () => {
    const [one, two, three] = site.machines as [PluginMachine, PluginMachine, PluginMachine];
    await resolveTo(one, two);
    // A call that ends up on two connections in a row that end is refused twice.
    const { options } = way('retries', { channelOptions: { 'grpc.dns_min_time_between_resolutions_ms': 500 } });
    const connection = await connect(`dns:///kv.internal:${PORT}`, options);
    await until(async () => (await connection.connections()) >= 4, { timeoutMs: LIMIT_MS });

    await connection.load(LIMIT_MS);
    const outcomes = await callsReach(connection, [one, two]);
    const four = await site.addMachine('four');
    await resolveTo(one, two, three, four);
    outcomes.push(...(await callsReach(connection, [one, two, three, four])));
    await resolveTo(three, four);
    outcomes.push(...(await callsReach(connection, [three, four])));
    expect(outcomes.filter(hasFailed)).toEqual([]);
  });

  it.each([
    { how: 'the resolver of the system', server: '', env: {} },
    { how: 'a name server in the target', server: '10.77.0.1', env: { GRPC_NODE_USE_ALTERNATIVE_RESOLVER: 'true' } },
  ])('can say how to balance calls, through $how', async ({ server, env }) => {
    await resolveTo(...site.machines);
    const connection = await connect(`dns://${server}/balanced.internal:${PORT}`, {}, { env });
    const answering = new Set<string | undefined>();
    await until(async () => answering.add((await connection.call()).machine).size === 3, { timeoutMs: LIMIT_MS });
    expect([...answering].sort()).toEqual(site.machines.map(({ name }) => name).sort());
  });
});
