import { join } from 'node:path';
import { callsReach } from '@rpcplugin/machines/calls-reach';
import { makeCertificates } from '@rpcplugin/machines/certificates';
import { describeMachines } from '@rpcplugin/machines/describe-machines';
import { hasFailed } from '@rpcplugin/machines/faults';
import { Lan } from '@rpcplugin/machines/lan';
import type { Host } from '@rpcplugin/machines/lan';
import { way } from '@rpcplugin/machines/policies';
import { ClientProcess, typescriptProgram } from '@rpcplugin/machines/programs';
import { sharedDirectory, until, whenAllAreOver } from '@rpcplugin/test-support';
import type { Program } from '@rpcplugin/test-support';
import { beforeAll, expect, it } from 'vitest';

const LIMIT_MS = 60_000;

describeMachines('plugins that register in etcd', ['etcd', 'etcdctl'], () => {
  const whenOver = whenAllAreOver();
  const directory = sharedDirectory();
  let lan: Lan;
  let etcdAddress: string;
  beforeAll(async () => {
    [lan] = await Promise.all([Lan.start(whenOver), makeCertificates(directory)]);
    etcdAddress = `http://${lan.ipv4}:2379`;
  });

  function etcdctl(...args: string[]): Program {
    return lan.start(['etcdctl', '--endpoints', etcdAddress, '--command-timeout', '60s', ...args]);
  }

  /** Starts etcd with the data that it had. */
  async function startEtcd(): Promise<Program> {
    const urls = ['--listen-client-urls', etcdAddress, '--advertise-client-urls', etcdAddress];
    const program = lan.start(['etcd', '--data-dir', join(directory, 'etcd'), ...urls]);
    await until(async () => (await etcdctl('endpoint', 'health').ended).status === 0);
    return program;
  }

  /** How many plugins are registered. */
  async function registered(): Promise<number> {
    const { stdout } = await etcdctl('get', '--prefix', '/plugins/kv/', '--keys-only').ended;
    return stdout.match(/^\/plugins\/kv\/.+$/gm)?.length ?? 0;
  }

  async function startPlugin(host: Host): Promise<Program> {
    const args = [directory, host.ipv4, etcdAddress];
    const plugin = host.start(typescriptProgram(new URL('../src/plugin.ts', import.meta.url), args));
    await plugin.printed(/^registered/m);
    return plugin;
  }

  it('are found as they come, go and die, also after etcd has restarted', async () => {
    const [one, two, three, four] = (await lan.addHosts('one', 'two', 'three', 'four')) as [Host, Host, Host, Host];
    const client = await ClientProcess.start(lan, directory, {
      whenOver,
      env: { ETCD: etcdAddress },
      imports: [new URL('../src/use-etcd.ts', import.meta.url)],
    });
    const { options } = way('round_robin', { timeoutMs: LIMIT_MS, pingIntervalMs: 1000 });
    const connecting = client.connect('etcd:///kv', options);
    const etcd = await startEtcd();
    const first = await startPlugin(one);
    const connection = await connecting;
    await connection.load(LIMIT_MS);
    const outcomes = await callsReach(connection, [one]);
    const reach = async (...machines: Host[]): Promise<void> => {
      outcomes.push(...(await callsReach(connection, machines)));
    };

    const [second, third] = await Promise.all([startPlugin(two), startPlugin(three)]);
    await reach(one, two, three);
    first.process.kill('SIGTERM');
    await reach(two, three);
    expect(await first.ended).toMatchObject({ status: 0, stderr: '' });

    await etcd.kill();
    await reach(two, three);
    await startEtcd();
    await startPlugin(four);
    await reach(two, three, four);
    expect(outcomes.filter(hasFailed)).toEqual([]);

    // The entries of both end with their leases. The one that goes on registers again.
    await second.kill();
    third.process.kill('SIGSTOP');
    await until(async () => (await registered()) === 1);
    await reach(four);
    third.process.kill('SIGCONT');
    await reach(three, four);
  });
});
