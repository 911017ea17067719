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
  beforeAll(async () => {
    [lan] = await Promise.all([Lan.start(whenOver), makeCertificates(directory)]);
  });

  function etcdctl(at: Lan | Host, ...args: string[]): Program {
    return lan.start(['etcdctl', '--endpoints', addressOf(at), '--command-timeout', '60s', ...args]);
  }

  /** Starts etcd with the data that it had. */
  async function startEtcd(at: Lan | Host): Promise<Program> {
    const urls = ['--listen-client-urls', addressOf(at), '--advertise-client-urls', addressOf(at)];
    const program = at.start(['etcd', '--data-dir', join(directory, `etcd-${at.name}`), ...urls]);
    await until(async () => (await etcdctl(at, 'endpoint', 'health').ended).status === 0);
    return program;
  }

  /** How many plugins are registered. */
  async function registered(): Promise<number> {
    const { stdout } = await etcdctl(lan, 'get', '--prefix', '/plugins/kv/', '--keys-only').ended;
    return stdout.match(/^\/plugins\/kv\/.+$/gm)?.length ?? 0;
  }

  async function startPlugin(host: Host, etcdAt: Lan | Host = lan): Promise<Program> {
    const args = [directory, host.ipv4, addressOf(etcdAt)];
    const plugin = host.start(typescriptProgram(new URL('../src/plugin.ts', import.meta.url), args));
    await plugin.printed(/^registered/m);
    return plugin;
  }

  it('are found as they come, go and die, also after etcd has restarted', async () => {
    const [one, two, three, four] = (await lan.addHosts('one', 'two', 'three', 'four')) as [Host, Host, Host, Host];
    const client = await ClientProcess.start(lan, directory, {
      whenOver,
      env: { ETCD: addressOf(lan) },
      imports: [new URL('../src/use-etcd.ts', import.meta.url)],
    });
    const { options } = way('round_robin', { timeoutMs: LIMIT_MS, pingIntervalMs: 1000 });
    const connecting = client.connect('etcd:///kv', options);
    const etcd = await startEtcd(lan);
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
    await startEtcd(lan);
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

  it('stop although etcd stands still', async () => {
    const [host, store] = (await lan.addHosts('stopping', 'silent')) as [Host, Host];
    const etcd = await startEtcd(store);
    const plugin = await startPlugin(host, store);
    etcd.process.kill('SIGSTOP');
    plugin.process.kill('SIGTERM');
    expect(await plugin.ended).toMatchObject({ status: 0, stderr: '' });
  });

  it('leave no lease behind when etcd refuses their entry', async () => {
    const store = await lan.addHost('refusing');
    await startEtcd(store);
    const script = new URL('children/register-too-much.ts', import.meta.url);
    const plugin = store.start(typescriptProgram(script, [addressOf(store)]));
    await plugin.printed(/^rejected: .*too large/m);
    expect((await etcdctl(store, 'lease', 'list').ended).stdout).toMatch(/^found 0 leases/);
  });
});

function addressOf({ ipv4 }: Lan | Host): string {
  return `http://${ipv4}:2379`;
}
