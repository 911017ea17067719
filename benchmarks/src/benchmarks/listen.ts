import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import type { Benchmark, BenchmarkContext } from '../benchmark.js';
import type { Subject } from '../measurement.js';
import { Program, Running } from '../program.js';
import type { Network } from '../programs/socket-library.js';
import { nodeCommand, packageOf } from '../socket-peers.js';

/** From `listen` to the first connection, and `listen` over the stale socket of a killed listener. */
export const listen: Benchmark = {
  title: 'Listen',
  name: 'listen',
  run: async (context) => {
    for (const network of ['unix', 'tcp'] as const) await toFirstConnection(network, context);
    await overStaleSocket(context);
  },
};

/** Each sample starts a process that only listens, many times, each time with a new transport. */
async function toFirstConnection(network: Network, { compare, directory, size }: BenchmarkContext): Promise<void> {
  const subject = (name: string, library: string): Subject<'bound' | 'accepted'> => ({
    name,
    sample: async () => {
      const [node, ...script] = nodeCommand('listeners', library, network);
      await using program = new Program(node, script, 0);
      await program.call('firstConnection', directory, 100);
      return await program.call('firstConnection', directory, size(200, 50));
    },
  });
  // Only TCP has a goal: on unix, ours also knows that it replaces, removes and shows nothing of others, which takes the
  // system calls that test/system-calls.test.ts lists.
  const goal = network === 'tcp' ? { goal: { of: 'ratio', atMost: 1.1 } as const } : {};
  await compare({
    metrics: {
      bound: { title: `listen, ${network}`, unit: 'ms', better: 'lower' },
      accepted: { title: `listen to first accepted connection, ${network}`, unit: 'ms', better: 'lower', ...goal },
    },
    ours: subject(packageOf(network), 'transport'),
    baseline: network === 'unix' ? subject('node:net, published by hand', 'publishing') : subject('node:net', 'bare'),
    peers: network === 'unix' ? [subject('node:net', 'bare')] : [],
    fresh: true,
  });
}

async function overStaleSocket({ compare, directory, size }: BenchmarkContext): Promise<void> {
  await using running = new Running();
  const subject = async (name: string, library: string): Promise<Subject<'value'>> => {
    const program = running.keep(Program.node('listeners', library, 'unix'));
    const own = await mkdtemp(join(directory, 'stale-'));
    return { name, sample: async () => ({ value: await program.call<number[]>('overStale', own, size(20, 5)) }) };
  };
  await compare({
    metrics: {
      value: {
        title: 'listen over a stale socket',
        unit: 'ms',
        better: 'lower',
        goal: { of: 'median', atMost: 2 },
      },
    },
    ours: await subject('transport-unix', 'transport'),
    baseline: await subject('node:net after unlink', 'bare'),
  });
}
