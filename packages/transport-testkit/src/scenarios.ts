import { randomBytes } from 'node:crypto';
import { Fixture } from './fixture.js';
import { remains, resourcesNow } from './remains.js';
import { slowFiles } from './slow-files.js';
import { connected, echoes, inputArrives, receiveAll } from './streams.js';
import type { TransportSubject } from './subject.js';
import { NEVER_MS, until } from './waiting.js';

/** Longer than the other process takes for its next step, in milliseconds. */
const SLOW_MS = 50;
/** How often to repeat it, in case the other process is held up for as long. */
const SLOW_ROUNDS = 3;

/** Scenarios that cases run in another process. Each resolves with one line of output. */
const scenarios = {
  /** Connects to a listener that echoes. */
  async echo(fixture: Fixture, endpoint: string): Promise<string> {
    const transport = await fixture.create();
    const echoed = await echoes(await transport.connect(endpoint));
    await transport.close({ graceMs: NEVER_MS });
    return String(echoed);
  },

  /** Listens, connects and closes. Resolves with a list of what stays open. */
  async lifecycle(fixture: Fixture): Promise<string> {
    const before = resourcesNow();
    const { listener, dialer, near, far } = await fixture.pair();
    await connected(near, far);
    await Promise.all([listener.close({ graceMs: NEVER_MS }), dialer.close({ graceMs: NEVER_MS })]);
    await until(() => remains(before).length === 0, 1000).catch(() => undefined);
    return JSON.stringify([...remains(before), ...(await fixture.leftovers())]);
  },

  /** Makes connections without an `error` listener fail, at both ends. */
  async errors(fixture: Fixture): Promise<string> {
    for (const side of ['near', 'far'] as const) {
      const pair = await fixture.pair();
      const [fails, peer] = side === 'near' ? [pair.near, pair.far] : [pair.far, pair.near];
      // Not `once` of node:events, which adds an `error` listener.
      const closed = new Promise((resolve) => fails.once('close', resolve));
      fails.write(randomBytes(2 ** 24));
      await inputArrives(peer);
      peer.destroy();
      await closed;
      await Promise.all([pair.listener.close({ graceMs: 0 }), pair.dialer.close({ graceMs: 0 })]);
    }
    return 'true';
  },

  /** With slow files, dials a listener, tells it at once where to dial this process, and resolves with its answers. */
  async slow(fixture: Fixture, endpoint: string): Promise<string> {
    const { listener, endpoint: own } = await fixture.echoServer();
    const dialer = await fixture.create();
    const answers = new Set<string>();
    const restore = slowFiles(SLOW_MS);
    try {
      for (let round = 0; round < SLOW_ROUNDS; round++) {
        const connection = await dialer.connect(endpoint, { allowHalfOpen: true, timeoutMs: NEVER_MS });
        connection.end(own);
        answers.add((await receiveAll(connection)).toString());
      }
    } finally {
      restore();
    }
    await Promise.all([listener.close({ graceMs: 0 }), dialer.close({ graceMs: 0 })]);
    return [...answers].join(', ');
  },
};

/** The name of a scenario. */
export type Scenario = keyof typeof scenarios;

/** Runs a scenario in this process. Only the subject's `cleanUp` cleans up after it. */
export async function runScenario(subject: TransportSubject, scenario: Scenario, endpoint = ''): Promise<string> {
  const fixture = new Fixture(subject);
  const line = await scenarios[scenario](fixture, endpoint);
  await fixture.cleanUp();
  return line;
}
