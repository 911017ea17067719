import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { dirname } from 'node:path';
import { randomBytes } from 'node:crypto';
import { Bench } from './bench.js';
import { remains, resourcesNow } from './remains.js';
import { connected, echoes } from './streams.js';
import type { TransportSubject } from './subject.js';
import { NEVER_MS, until } from './waiting.js';

/** What the contract has done in another process; each resolves with one line. */
const scenarios = {
  /** Connects to a listener that echoes. */
  async echo(bench: Bench, endpoint: string): Promise<string> {
    const transport = await bench.create();
    const echoed = await echoes(await transport.connect(endpoint));
    await transport.close({ graceMs: NEVER_MS });
    return String(echoed);
  },

  /** Listens, connects and closes; what is left. */
  async lifecycle(bench: Bench): Promise<string> {
    const before = resourcesNow();
    const { listener, dialer, near, far } = await bench.pair();
    await connected(near, far);
    await Promise.all([listener.close({ graceMs: NEVER_MS }), dialer.close({ graceMs: NEVER_MS })]);
    await until(() => remains(before).length === 0, 1000).catch(() => undefined);
    return JSON.stringify([...remains(before), ...(await bench.leftovers())]);
  },

  /** Has connections fail, at both ends, to whose errors the case does not listen. */
  async errors(bench: Bench): Promise<string> {
    for (const side of ['near', 'far'] as const) {
      const pair = await bench.pair();
      const [fails, peer] = side === 'near' ? [pair.near, pair.far] : [pair.far, pair.near];
      // Not `once` of node:events, which listens to errors.
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

export type Scenario = keyof typeof scenarios;

/** Has a scenario done in a process of its own, which is to end by itself, and resolves with the line that it says. */
export async function runElsewhere(subject: TransportSubject, scenario: Scenario, endpoint = ''): Promise<string> {
  const module = subject.capabilities?.module;
  if (module === undefined) throw new Error('a case that needs the module has to say so');
  const { url, name = 'default', execArgv = [] } = module;
  const program = `
    const { ${JSON.stringify(name)}: subject } = await import(${JSON.stringify(String(url))});
    const { perform } = await import('@rpcplugin/transport-testkit');
    console.log(await perform(subject, ${JSON.stringify(scenario)}, ${JSON.stringify(endpoint)}));
  `;
  // The kit is found from where the module is.
  const child = spawn(process.execPath, [...execArgv, '--input-type=module', '--eval', program], {
    cwd: dirname(fileURLToPath(url)),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const timer = setTimeout(() => child.kill('SIGKILL'), NEVER_MS / 3);
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  clearTimeout(timer);
  if (code !== 0) throw new Error(`the other process ended with ${code ?? signal ?? 'nothing'}: ${stderr}${stdout}`);
  return stdout.trim();
}

/** In the other process: does a scenario, and tidies up nothing but what the subject itself does. */
export async function perform(subject: TransportSubject, scenario: Scenario, endpoint: string): Promise<string> {
  const line = await scenarios[scenario](new Bench(subject), endpoint);
  await subject.capabilities?.cleanUp?.();
  return line;
}
