import { sharedDirectory, until, whenAllAreOver } from '@rpcplugin/test-support';
import { beforeAll, expect, it } from 'vitest';
import { describeMachines } from '../src/describe-machines.js';
import { faults, hasFailed, observe } from '../src/faults.js';
import { serviceConfigs, way } from '../src/policies.js';
import { typescriptProgram } from '../src/programs.js';
import type { ClientProcess } from '../src/programs.js';
import { Site } from '../src/site.js';
import type { PluginMachine } from '../src/site.js';

/** For a busy machine, in milliseconds. */
const DEADLINE_MS = 2000;
const LIMIT_MS = 60_000;

const quick = { timeoutMs: 20_000, channelOptions: { 'grpc.max_reconnect_backoff_ms': 1000 } };
const pinging = { ...quick, pingIntervalMs: 1000 };
const ways = {
  pick_first: way('pick_first', pinging),
  round_robin: way('round_robin', pinging),
  // Pings would come much later: it ejects the machine by its calls alone.
  'outlier detection': way('outlier detection', quick),
  retries: way('retries', pinging),
  hedging: way('hedging', pinging),
};

describeMachines('a machine of three', [], () => {
  const whenOver = whenAllAreOver();
  const directory = sharedDirectory();
  let site: Site;
  let client: ClientProcess;
  beforeAll(async () => {
    site = await Site.start(directory, { whenOver });
    client = await site.startClient();
  });

  it.each([
    ['is cut off', 'link down'],
    ['stands still', 'SIGSTOP'],
    ['loses its plugin', 'SIGKILL'],
  ] as const)('that %s costs calls for a moment, and gets calls again when it is back', async (_, fault) => {
    const { name } = site.first;
    const { begin, end } = faults[fault];
    let served = Infinity;
    const timed = {
      begin,
      end: async (machine: PluginMachine) => {
        await end(machine);
        served = Date.now();
      },
    };
    const histories = await observe(site, timed, {
      client,
      ways,
      deadlineMs: DEADLINE_MS,
      during: (history) => history.recovered(LIMIT_MS),
      backMs: LIMIT_MS,
    });
    for (const balanced of ['round_robin', 'outlier detection', 'retries', 'hedging'] as const) {
      const history = histories[balanced];
      const answered = history.during.filter((outcome) => !hasFailed(outcome));
      expect(answered.length, `answered calls with ${balanced}`).toBeGreaterThan(0);
      // The start of the plugin does not count.
      const first = history.after.find(({ machine }) => machine === name);
      const latest = Math.max(0, (first?.at ?? NaN) + (first?.ms ?? NaN) - served);
      expect(history.backMs(name), `until calls with ${balanced} came back`).toBeLessThanOrEqual(latest);
    }
  });

  it.each(['ipv4', 'ipv6'] as const)('is called by the host of the guide, over %s', async (family) => {
    const args = [directory, site.list(family)];
    const host = site.lan.start(typescriptProgram(new URL('../src/host.ts', import.meta.url), args));
    const { status, stdout } = await host.ended;
    expect(status).toBe(0);
    expect(stdout).toMatch(/^answered by (one|two|three)$/m);
  });

  it('that dies with calls in progress costs none with retries', async () => {
    const fault = {
      begin: (machine: PluginMachine) => {
        machine.signal('SIGSTOP');
      },
      end: (machine: PluginMachine) => machine.start(),
    };
    const { retries: history } = await observe(site, fault, {
      client,
      ways: { retries: way('all retries', quick) },
      deadlineMs: LIMIT_MS,
      during: async (calls) => {
        // Half as many wait for it.
        await calls.until((outcomes) => outcomes.length >= 20, LIMIT_MS);
        await site.first.kill();
        await calls.recovered(LIMIT_MS);
      },
      backMs: LIMIT_MS,
    });
    expect(history.during.filter(hasFailed)).toEqual([]);
    expect(history.during.some(({ ms }) => ms > 200)).toBe(true);
  });

  it('that is updated costs no call', async () => {
    const balanced = { round_robin: ways.round_robin };
    const options = { client, ways: balanced, deadlineMs: LIMIT_MS, backMs: LIMIT_MS };
    const { round_robin: history } = await observe(site, faults.SIGTERM, {
      ...options,
      during: (calls) => calls.recovered(LIMIT_MS),
    });
    expect(history.during.filter(hasFailed)).toEqual([]);
  });

  // Should this fail, grpc-js has learnt to: then docs/other-machines.md has to say so.
  it('that says it is not serving gets calls all the same: grpc-js does not check the health of servers', async () => {
    const serviceConfig = { ...serviceConfigs.round_robin, healthCheckConfig: { serviceName: 'plugin' } };
    const channelOptions = { 'grpc.service_config': JSON.stringify(serviceConfig) };
    const { name } = site.first;
    site.first.signal('SIGUSR2');
    await site.first.printed(/not serving/);
    const connection = await client.connect(site.list(), { ...quick, channelOptions });
    await until(async () => (await connection.call()).machine === name, { timeoutMs: LIMIT_MS });
    await connection.close();
  });
});
