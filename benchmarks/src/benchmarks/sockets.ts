import type { Benchmark, BenchmarkContext } from '../benchmark.js';
import type { Metric, Subject } from '../measurement.js';
import type { Network } from '../programs/socket-library.js';
import { barePair, foreignPairs, limitedPair, nodeCommand, ourPair, Pair } from '../socket-peers.js';
import type { PairCommand } from '../socket-peers.js';

const GB = 1e9;
/** Why bulk data may miss its goal. */
const SPREAD = 'the code for each byte is that of node:net, and the runs differ';

/** Connects, round trips and bulk data, which should cost no more than on Node's own sockets. */
export const sockets: Benchmark = {
  title: 'Sockets',
  name: 'sockets',
  run: async (context) => {
    for (const network of ['unix', 'tcp'] as const) await over(network, context);
  },
};

async function over(network: Network, { compare, directory, size }: BenchmarkContext): Promise<void> {
  const [ours, bare] = [ourPair(network), barePair(network)];
  const foreign = await foreignPairs(network, directory);
  const jsonRpc = network === 'unix' ? [{ name: 'vscode-jsonrpc', command: nodeCommand('json-rpc') }] : [];

  const measure = (
    metric: Metric,
    [baseline, ...peers]: readonly [PairCommand, ...PairCommand[]],
    operation: string,
    warmUp: number,
    count: number,
    ...args: number[]
  ): Promise<void> => {
    const subject = ({ name, command }: PairCommand): Subject<'value'> => ({
      name,
      sample: async () => {
        // New processes each time: a process may have lucky memory placement or compiled code for as long as it lives.
        await using pair = await new Pair(command).listen(directory);
        await pair.client.call(operation, pair.address, warmUp, ...args);
        return { value: await pair.client.call(operation, pair.address, count, ...args) };
      },
    });
    const title = `${metric.title}, ${network}`;
    return compare({
      metrics: { value: { ...metric, title } },
      ours: subject(ours),
      baseline: subject(baseline),
      peers: peers.map(subject),
      fresh: true,
    });
  };
  const time = { unit: 'µs', better: 'lower', goal: { of: 'ratio', atMost: 1.02 } } as const;
  const rate = { unit: 'MB/s', better: 'higher', goal: { of: 'ratio', atLeast: 0.98, why: SPREAD } } as const;
  // It takes thousands of connects to compile all of their code, Node's and ours.
  const connects = size(5000, 1000);
  // Ours has a time limit, so it is compared with one by hand.
  const why = 'it can be cancelled as well, and says why it fails';
  const withLimit = { ...time, goal: { of: 'ratio', atMost: 1.1, why } } as const;
  const dialling = [limitedPair(network), bare, ...foreign] as const;
  await measure({ title: 'connect', ...withLimit }, dialling, 'connect', connects, connects);
  const trips = size(8000, 2000);
  await measure(
    { title: '64-byte round trip', ...time },
    [bare, ...foreign, ...jsonRpc],
    'roundTrip',
    trips,
    trips,
    64,
  );
  const bytes = size(GB, GB / 10);
  await measure({ title: '1 GB one way', ...rate }, [bare, ...foreign], 'download', bytes / 10, bytes);
  await measure({ title: '1 GB echoed', ...rate }, [bare, ...foreign], 'echo', bytes / 10, bytes);
}
