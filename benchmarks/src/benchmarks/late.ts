import { join } from 'node:path';
import type { Benchmark, BenchmarkContext } from '../benchmark.js';
import type { Subject } from '../measurement.js';
import { Program, Running } from '../program.js';
import { packageOf } from '../socket-peers.js';

/** How soon a waiting client connects after the listener starts. */
export const late: Benchmark = {
  title: 'Late listeners',
  name: 'late',
  run: async (context) => {
    await toConnected('unix', 5, context);
    await toConnected('tcp', 10, context);
  },
};

async function toConnected(
  network: 'unix' | 'tcp',
  atMost: number,
  { compare, directory, size }: BenchmarkContext,
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
          // Starts the listener at a random moment of the client's wait.
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
        title: `from listening to connected, ${network}`,
        unit: 'ms',
        better: 'lower',
        goal: { of: 'p99', atMost },
      },
    },
    ours: subject(packageOf(network), 'connect', size(20, 10)),
    // grpc-js alone takes a second each time.
    peers: [subject('connectGrpc', 'connectGrpc', size(20, 10)), subject('grpc-js', 'bareGrpc', size(2, 1))],
  });
}
