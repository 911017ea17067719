import { randomBytes } from 'node:crypto';
import { Bench } from './bench.js';
import { remains, resourcesNow } from './remains.js';
import { connected, echoes } from './streams.js';
import type { TransportSubject } from './subject.js';
import { NEVER_MS, until } from './waiting.js';

/** Scenarios that cases run in another process. Each resolves with one line of output. */
const scenarios = {
  /** Connects to a listener that echoes. */
  async echo(bench: Bench, endpoint: string): Promise<string> {
    const transport = await bench.create();
    const echoed = await echoes(await transport.connect(endpoint));
    await transport.close({ graceMs: NEVER_MS });
    return String(echoed);
  },

  /** Listens, connects and closes. Resolves with a list of what stays open. */
  async lifecycle(bench: Bench): Promise<string> {
    const before = resourcesNow();
    const { listener, dialer, near, far } = await bench.pair();
    await connected(near, far);
    await Promise.all([listener.close({ graceMs: NEVER_MS }), dialer.close({ graceMs: NEVER_MS })]);
    await until(() => remains(before).length === 0, 1000).catch(() => undefined);
    return JSON.stringify([...remains(before), ...(await bench.leftovers())]);
  },

  /** Makes connections without an `error` listener fail, at both ends. */
  async errors(bench: Bench): Promise<string> {
    for (const side of ['near', 'far'] as const) {
      const pair = await bench.pair();
      const [fails, peer] = side === 'near' ? [pair.near, pair.far] : [pair.far, pair.near];
      // Not `once` of node:events, which adds an `error` listener.
      const closed = new Promise((resolve) => fails.once('close', resolve));
      fails.write(randomBytes(2 ** 24));
      await until(() => peer.readableLength > 0);
      peer.destroy();
      await closed;
      await Promise.all([pair.listener.close({ graceMs: 0 }), pair.dialer.close({ graceMs: 0 })]);
    }
    return 'true';
  },
};

/** The name of a scenario. */
export type Scenario = keyof typeof scenarios;

/** Runs a scenario in this process. Only the subject's `cleanUp` cleans up after it. */
export async function runScenario(subject: TransportSubject, scenario: Scenario, endpoint = ''): Promise<string> {
  const line = await scenarios[scenario](new Bench(subject), endpoint);
  await subject.capabilities?.cleanUp?.();
  return line;
}
