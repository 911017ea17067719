import type { Benchmark, BenchmarkContext } from '../benchmark.js';
import type { Metric, Subject } from '../measurement.js';
import { nodeCommand, Pair } from '../socket-peers.js';
import type { Network } from '../programs/socket-library.js';

const GB = 1e9;

/** Calls through `serveGrpc` and `connectGrpc`, compared with grpc-js's own `bindAsync` and a bare client. */
export const grpc: Benchmark = {
  title: 'gRPC',
  name: 'grpc',
  run: async (context) => {
    for (const network of ['unix', 'tcp'] as const) await over(network, context);
  },
};

async function over(network: Network, { compare, directory, size }: BenchmarkContext): Promise<void> {
  const measure = (metric: Metric, operation: string, count: number, ...args: number[]): Promise<void> => {
    const subject = (name: string, library: string): Subject<'value'> => ({
      name,
      sample: async () => {
        await using pair = await new Pair(nodeCommand('grpc', library, network)).listen(directory);
        await pair.client.call(operation, pair.address, count / 10, ...args);
        return { value: await pair.client.call(operation, pair.address, count, ...args) };
      },
    });
    const title = `${metric.title}, ${network}`;
    return compare({
      metrics: { value: { ...metric, title } },
      ours: subject('transport-grpc', 'transport'),
      baseline: subject('grpc-js', 'bare'),
      fresh: true,
    });
  };
  // No worse, within the accuracy of the measurement.
  const latency = { unit: 'µs', better: 'lower', goal: { of: 'ratio', atMost: 1.02 } } as const;
  const rate = { unit: 'calls/s', better: 'higher', goal: { of: 'ratio', atLeast: 0.98 } } as const;
  const download = { unit: 'MB/s', better: 'higher', goal: { of: 'ratio', atLeast: 1.3 } } as const;
  await measure({ title: 'sequential calls', ...latency }, 'latency', size(1500, 200));
  await measure({ title: '50 concurrent calls', ...rate }, 'rate', size(3000, 500), 50);
  const bytes = size(GB, GB / 20);
  await measure({ title: '1 GB in messages of 64 KiB', ...download }, 'download', bytes, 64 * 1024);
  await measure({ title: '1 GB in messages of 4 MiB', ...download }, 'download', bytes, 4 * 1024 * 1024);
}
