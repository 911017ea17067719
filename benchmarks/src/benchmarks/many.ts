import type { Bench, Benchmark } from '../benchmark.js';
import type { Metric, Subject } from '../measurement.js';
import type { Network } from '../programs/socket-library.js';
import { barePair, nodeCommand, ourPair, packageOf, Pair } from '../socket-peers.js';

const MANY = 8000;

/**
 * Options with which the memory of a process can be told: garbage can be collected, and the young generation does not grow, by megabytes
 * that have nothing to do with what is kept.
 */
const STEADY_HEAP = ['--expose-gc', '--max-semi-space-size=1'];

/** Thousands of connections at once: what each costs, and how long it takes to close them. */
export const many: Benchmark = {
  title: 'Many connections',
  name: 'many',
  run: async (bench) => {
    for (const network of ['unix', 'tcp'] as const) {
      await hold(network, bench);
      await closeOne(network, bench);
    }
  },
};

/** In fresh processes each time, as memory that was used once is not all given back. */
async function hold(network: Network, { compare, directory }: Bench): Promise<void> {
  const subject = (name: string, library: string): Subject<'memory' | 'growth' | 'close'> => ({
    name,
    sample: async () => {
      const [node, ...script] = nodeCommand('sockets', library, network);
      await using pair = new Pair([node, ...STEADY_HEAP, ...script]);
      await pair.listen(directory);
      const { server, client, address } = pair;
      const memory = async (): Promise<number> =>
        (await server.call<number>('memory')) + (await client.call<number>('memory'));
      // What both processes need for any connections at all, and for the code to be compiled.
      await client.call('hold', address, 2000);
      await client.call('letGo');
      await server.call('accepted', 0);
      const before = await memory();
      const times = await client.call<number[]>('hold', address, MANY);
      await server.call('accepted', MANY);
      const held = await memory();
      const [, second = NaN] = times;
      return {
        memory: (held - before) / MANY / 1024,
        growth: (times.at(-1) ?? NaN) / second,
        close: await server.call('close'),
      };
    },
  });
  const metrics: Record<'memory' | 'growth' | 'close', Metric> = {
    memory: {
      title: `memory of a connection, both ends, ${network}`,
      unit: 'KiB',
      better: 'lower',
      goal: { of: 'ratio', atMost: 1.05 },
    },
    growth: {
      title: `time to connect the 8th thousand, as a multiple of the 2nd, ${network}`,
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

async function closeOne(network: Network, { compare, directory, size }: Bench): Promise<void> {
  const subject = (name: string, pair: Pair): Subject<'value'> => ({
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
  });
  await using ours = new Pair(ourPair(network).command);
  await using baseline = new Pair(barePair(network).command);
  await compare({
    metrics: {
      value: {
        title: `close with 1 connection, ${network}`,
        unit: 'ms',
        better: 'lower',
        goal: { of: 'ratio', atMost: 1.1 },
      },
    },
    ours: subject(packageOf(network), ours),
    baseline: subject('node:net', baseline),
  });
}
