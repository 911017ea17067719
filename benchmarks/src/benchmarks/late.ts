import { join } from 'node:path';
import type { Bench, Benchmark } from '../benchmark.js';
import type { Subject } from '../measurement.js';
import { Program, Running } from '../program.js';
import { packageOf } from '../socket-peers.js';

/** How soon an endpoint that appears late is reached. */
export const late: Benchmark = {
  title: 'An endpoint that appears late',
  name: 'late',
  run: async (bench) => {
    await toConnected('unix', 5, bench);
    await toConnected('tcp', 10, bench);
  },
};

async function toConnected(
  network: 'unix' | 'tcp',
  atMost: number,
  { compare, directory, size }: Bench,
): Promise<void> {
  await using running = new Running();
  const server = running.keep(Program.node('late', network));
  let count = 0;
  const subject = (name: string, command: string, times: number): Subject<'value'> => {
    const client = running.keep(Program.node('late', network));
    return {
      name,
      sample: async () => {
        const value = [];
        for (let i = 0; i < times; i++) {
          const address =
            network === 'unix' ? join(directory, `late-${count++}.sock`) : await server.call<string>('place');
          const connecting = client.call<number>(command, address);
          // Some way into the waiting, and each time at another moment of it.
          const appeared = await server.call<number>('appear', address, 20 + Math.random() * 40);
          value.push((await connecting) - appeared);
          await server.call('disappear');
        }
        return { value };
      },
    };
  };
  await compare({
    metrics: {
      value: {
        title: `from its appearing to connected, ${network}`,
        unit: 'ms',
        better: 'lower',
        goal: { of: 'p99', atMost },
      },
    },
    ours: subject(packageOf(network), 'connect', size(20, 10)),
    // The last needs a second each time.
    peers: [subject('connectGrpc', 'connectGrpc', size(20, 10)), subject('grpc-js', 'bareGrpc', size(2, 1))],
  });
}
