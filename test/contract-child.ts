/** What the contract has done in another process. Arguments: what to do, the name of the variant, an endpoint. */
import { randomBytes } from 'node:crypto';
import { readSync, writeSync } from 'node:fs';
import type { Socket } from 'node:net';
import { Accepted, Bench, connected, echoes } from './bench.js';
import { until } from './support.js';
import { variants } from './variants.js';

const [, , scenario = '', name = '', endpoint = ''] = process.argv;
const variant = Object.entries(variants).find(([key]) => key === name)?.[1];
if (variant === undefined) throw new Error(`no variant ${name}`);
/** No limit that is left behind ends by itself before the test gives up. */
const NEVER_MS = 60_000;

const scenarios: Record<string, (bench: Bench) => Promise<void>> = {
  async client(bench) {
    const transport = bench.create();
    const echoed = await echoes(await transport.connect(endpoint));
    await transport.close({ graceMs: NEVER_MS });
    report(echoed ? 'echoed' : 'garbled');
  },

  async busy(bench) {
    const transport = bench.create({ backlog: 1 });
    report(await transport.listen());
    // Nothing else happens in this process from here on, until its input ends.
    readSync(0, Buffer.alloc(1));
    await transport.close({ graceMs: 0 });
  },

  async lifecycle(bench) {
    const before = process.getActiveResourcesInfo();
    const accepted = new Accepted();
    const listener = bench.create();
    const dialer = bench.create();
    const address = await listener.listen(accepted);
    const near = await dialer.connect(address, { timeoutMs: NEVER_MS, waitMs: NEVER_MS });
    await connected(near, await accepted.at(0));
    await Promise.all([listener.close({ graceMs: NEVER_MS }), dialer.close({ graceMs: NEVER_MS })]);
    const after = process.getActiveResourcesInfo();
    for (const resource of before) if (after.includes(resource)) after.splice(after.indexOf(resource), 1);
    report(JSON.stringify({ resources: after, files: await bench.leftovers() }));
  },

  async errors(bench) {
    const accepted = new Accepted();
    const listener = bench.create();
    const dialer = bench.create();
    const address = await listener.listen(accepted);
    const peer = await bench.dial(address);
    const first = await accepted.at(0);
    const near = await dialer.connect(address);
    const far = await accepted.at(1);
    const failed = { accepted: await failsWhenCutOff(first, peer), connected: await failsWhenCutOff(near, far) };
    await Promise.all([listener.close({ graceMs: NEVER_MS }), dialer.close({ graceMs: NEVER_MS })]);
    report(JSON.stringify(failed));
  },
};

/** Destroys the peer of a connection that is being written to: whether that was an error on the connection. */
async function failsWhenCutOff(connection: Socket, peer: Socket): Promise<boolean> {
  // Not `once` of node:events, which listens to errors.
  const closed = new Promise<boolean>((resolve) => {
    connection.once('close', resolve);
  });
  connection.write(randomBytes(2 ** 24));
  await until(() => peer.readableLength > 0);
  peer.destroy();
  return closed;
}

function report(line: string): void {
  writeSync(1, `${line}\n`);
}

const place = await variant.open();
const bench = new Bench(place);
await scenarios[scenario]?.(bench);
// Not `bench.end`, which would end what a transport has left.
await place.close();
