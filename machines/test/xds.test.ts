import { sharedDirectory, startControlled, whenAllAreOver } from '@rpcplugin/test-support';
import type { Child } from '@rpcplugin/test-support';
import { beforeAll, expect, it } from 'vitest';
import type { Command } from '../src/control-plane.js';
import { callsReach } from '../src/calls-reach.js';
import { describeMachines } from '../src/describe-machines.js';
import { hasFailed } from '../src/faults.js';
import { PORT, typescriptProgram } from '../src/programs.js';
import type { ClientProcess } from '../src/programs.js';
import { Site } from '../src/site.js';
import type { PluginMachine } from '../src/site.js';

const LIMIT_MS = 60_000;
const CONTROL_PORT = 18000;

describeMachines('an xDS service', [], () => {
  const whenOver = whenAllAreOver();
  const directory = sharedDirectory();
  let site: Site;
  let client: ClientProcess;
  let controlPlane: Child<Command, number>;
  beforeAll(async () => {
    site = await Site.start(directory, { whenOver });
    const bootstrap = {
      xds_servers: [{ server_uri: `${site.lan.ipv4}:${CONTROL_PORT}`, channel_creds: [{ type: 'insecure' }] }],
      node: { id: 'host', locality: {} },
    };
    const env = {
      GRPC_XDS_BOOTSTRAP_CONFIG: JSON.stringify(bootstrap),
      // Not for this target, or the proxy would be asked for a machine named kv.
      grpc_proxy: `http://${site.lan.ipv4}:9`,
      no_grpc_proxy: site.lan.ipv4,
    };
    const args = [site.lan.ipv4, String(CONTROL_PORT)];
    [client, controlPlane] = await Promise.all([
      site.startClient({ env, imports: [new URL('../src/register-xds.ts', import.meta.url)] }),
      startControlled<Command, number>(
        site.lan.command(typescriptProgram(new URL('../src/control-plane.ts', import.meta.url), args)),
        { whenOver },
      ),
    ]);
  });

  function serveAt(...machines: readonly PluginMachine[]): Promise<number> {
    return controlPlane.ask({ machines: machines.map(({ host }) => [host.ipv4, PORT]) });
  }

  it('is followed as its machines change, without a failed call', async () => {
    const [one, two, three] = site.machines as [PluginMachine, PluginMachine, PluginMachine];
    await serveAt(one, two, three);
    const connection = await client.connect('xds:///kv', { timeoutMs: 30_000 });
    await connection.load(LIMIT_MS);
    const outcomes = await callsReach(connection, [one, two, three]);
    const four = await site.addMachine('four');
    await serveAt(two, three, four);
    outcomes.push(...(await callsReach(connection, [two, three, four])));
    await serveAt(four);
    outcomes.push(...(await callsReach(connection, [four])));
    expect(outcomes.filter(hasFailed)).toEqual([]);
    expect(controlPlane.output).toBe('');
  });
});
