import type { Bench, Benchmark } from '../benchmark.js';
import type { Metric, Subject } from '../measurement.js';
import type { Network } from '../programs/socket-library.js';
import { barePair, nodeCommand, ourPair, packageOf, Pair, publishingPair } from '../socket-peers.js';
import type { PairCommand } from '../socket-peers.js';
import { Running } from '../program.js';

const MANY = 8000;

/** In bytes. */
interface Memory {
  readonly kept: number;
  readonly resident: number;
}

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
        kept: (held.kept - before.kept) / MANY / 1024,
        resident: (held.resident - before.resident) / MANY / 1024,
        growth: (times.at(-1) ?? NaN) / second,
        close: await server.call('close'),
      };
    },
  });
  const metrics: Record<'kept' | 'resident' | 'growth' | 'close', Metric> = {
    kept: {
      title: `memory that a connection keeps, both ends, ${network}`,
      unit: 'KiB',
      better: 'lower',
      goal: { of: 'ratio', atMost: 1.05 },
    },
    // With what the allocators hold back, which differs by a tenth from one run of the same program to the next.
    resident: {
      title: `resident memory for a connection, both ends, ${network}`,
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
  await compare({
    metrics: { value: { title, unit: 'ms', better: 'lower', goal: { of: 'ratio', atMost: 1.1 } } },
    ours: subject(ourPair(network)),
    baseline: subject(publishingPair(network)),
    peers: network === 'unix' ? [subject(barePair(network))] : [],
  });
}
