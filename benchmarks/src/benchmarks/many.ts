import type { Benchmark, BenchmarkContext } from '../benchmark.js';
import type { Metric, Subject } from '../measurement.js';
import { STEADY_HEAP } from '../programs/memory.js';
import type { Memory } from '../programs/memory.js';
import type { Network } from '../programs/socket-library.js';
import { barePair, nodeCommand, ourPair, packageOf, Pair, publishingPair } from '../socket-peers.js';
import type { PairCommand } from '../socket-peers.js';
import { Running } from '../program.js';

const MANY = 8000;

/** Thousands of concurrent connections: the cost of each, and the time to close them. */
export const many: Benchmark = {
  title: 'Many connections',
  name: 'many',
  run: async (context) => {
    for (const network of ['unix', 'tcp'] as const) {
      await hold(network, context);
      await closeOne(network, context);
    }
  },
};

/** Starts new processes for each sample, because a process does not give back all memory that it once used. */
async function hold(network: Network, { compare, directory }: BenchmarkContext): Promise<void> {
  const subject = (name: string, library: string): Subject<'kept' | 'resident' | 'growth' | 'close'> => ({
    name,
    sample: async () => {
      const [node, ...script] = nodeCommand('sockets', library, network);
      await using pair = new Pair([node, ...STEADY_HEAP, ...script]);
      await pair.listen(directory);
      const { server, client, address } = pair;
      const memory = async (): Promise<Memory> => {
        const [one, other] = [await server.call<Memory>('memory'), await client.call<Memory>('memory')];
        return { kept: one.kept + other.kept, resident: one.resident + other.resident };
      };
      // Warms up: compiles the code, and allocates what both processes need for any connections at all.
      await client.call('hold', address, 2000);
      await client.call('letGo');
      await server.call('accepted', 0);
      const before = await memory();
      const times = await client.call<number[]>('hold', address, MANY);
      await server.call('accepted', MANY);
      const held = await memory();
      const [, second = NaN] = times;
      return {
        kept: (held.kept - before.kept) / MANY / 1024,
        resident: (held.resident - before.resident) / MANY / 1024,
        growth: (times.at(-1) ?? NaN) / second,
        close: await server.call('close'),
      };
    },
  });
  const metrics: Record<'kept' | 'resident' | 'growth' | 'close', Metric> = {
    kept: {
      title: `memory per connection, both ends, ${network}`,
      unit: 'KiB',
      better: 'lower',
      goal: { of: 'ratio', atMost: 1.05 },
    },
    // Includes what the allocators hold back, which varies by a tenth between runs of the same program.
    resident: {
      title: `resident memory per connection, both ends, ${network}`,
      unit: 'KiB',
      better: 'lower',
      goal: { of: 'ratio', atMost: 1.05 },
    },
    growth: {
      title: `time for the 8th thousand connects relative to the 2nd, ${network}`,
      unit: '',
      better: 'lower',
      goal: { of: 'median', atMost: 1.05 },
    },
    close: {
      title: `close with ${MANY} connections, ${network}`,
      unit: 'ms',
      better: 'lower',
      goal: { of: 'ratio', atMost: 1.1 },
    },
  };
  await compare({
    metrics,
    ours: subject(packageOf(network), 'transport'),
    baseline: subject('node:net', 'bare'),
    fresh: true,
  });
}

async function closeOne(network: Network, { compare, directory, size }: BenchmarkContext): Promise<void> {
  await using running = new Running();
  const subject = ({ name, command }: PairCommand): Subject<'value'> => {
    const pair = running.keep(new Pair(command));
    return {
      name,
      sample: async () => {
        const values = [];
        for (let i = 0; i < size(50, 10); i++) {
          await pair.listen(directory);
          await pair.client.call('hold', pair.address, 1);
          await pair.server.call('accepted', 1);
          values.push(await pair.server.call<number>('close'));
        }
        return { value: values };
      },
    };
  };
  const title = `close with 1 connection, ${network}`;
  const why =
    network === 'unix'
      ? 'it gives peers time, and removes no file but its own'
      : 'it gives peers time to read what was written';
  await compare({
    metrics: { value: { title, unit: 'ms', better: 'lower', goal: { of: 'ratio', atMost: 1.1, why } } },
    ours: subject(ourPair(network)),
    baseline: subject(publishingPair(network)),
    peers: network === 'unix' ? [subject(barePair(network))] : [],
  });
}
