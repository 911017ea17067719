import type { Bench, Benchmark } from '../benchmark.js';
import type { Metric, Subject } from '../measurement.js';
import { Running } from '../program.js';
import type { Network } from '../programs/socket-library.js';
import { barePair, foreignPairs, nodeCommand, ourPair, Pair } from '../socket-peers.js';

const GB = 1e9;

/** Connects, round trips and bulk data: there is to be nothing on top of what a socket of Node's does. */
export const sockets: Benchmark = {
  title: 'Sockets',
  name: 'sockets',
  run: async (bench) => {
    for (const network of ['unix', 'tcp'] as const) await over(network, bench);
  },
};

async function over(network: Network, bench: Bench): Promise<void> {
  const { directory, size } = bench;
  await using running = new Running();
  const listening = async (pair: Pair): Promise<Pair> => running.keep(await pair.listen(directory));
  const ours = await listening(ourPair(network));
  const baseline = await listening(barePair(network));
  const foreign = await Promise.all((await foreignPairs(network, directory)).map(listening));
  const jsonRpc = network === 'unix' ? [await listening(new Pair('vscode-jsonrpc', nodeCommand('json-rpc')))] : [];

  const measure = (metric: Metric, peers: readonly Pair[], command: string, ...args: number[]): Promise<void> => {
    const subject = ({ name, client, address }: Pair): Subject<'value'> => ({
      name,
      sample: async () => ({ value: await client.call(command, address, ...args) }),
    });
    const title = `${metric.title}, ${network}`;
    return bench.compare({
      metrics: { value: { ...metric, title } },
      ours: subject(ours),
      baseline: subject(baseline),
      peers: peers.map(subject),
    });
  };
  const time = { unit: 'µs', better: 'lower', goal: { of: 'ratio', atMost: 1.02 } } as const;
  const rate = { unit: 'MB/s', better: 'higher', goal: { of: 'ratio', atLeast: 0.98 } } as const;
  await measure({ title: 'connect', ...time }, foreign, 'connect', size(2000, 300));
  const roundTrips = size(8000, 2000);
  await measure({ title: '64 bytes there and back', ...time }, [...foreign, ...jsonRpc], 'roundTrip', roundTrips, 64);
  await measure({ title: '1 GB one way', ...rate }, foreign, 'download', size(GB, GB / 10));
  await measure({ title: '1 GB echoed', ...rate }, foreign, 'echo', size(GB, GB / 10));
}
