import type { Benchmark } from '../benchmark.js';
import type { Subject } from '../measurement.js';
import { Program, Running } from '../program.js';

/** The whole example, from the plugin's spawn to its first answer, compared with the same on grpc-js alone. */
export const plugin: Benchmark = {
  title: 'Plugin start',
  name: 'plugin',
  run: async ({ compare, size }) => {
    for (const network of ['unix', 'tcp']) {
      await using running = new Running();
      const subject = (name: string, host: string): Subject<'value'> => {
        const program = running.keep(Program.node(host, network));
        return {
          name,
          sample: async () => {
            const value = [];
            for (let i = 0; i < size(6, 2); i++) value.push(await program.call<number>('launch'));
            return { value };
          },
        };
      };
      await compare({
        metrics: {
          value: {
            title: `from spawn to first answer, ${network}`,
            unit: 'ms',
            better: 'lower',
            goal: { of: 'difference', atMost: 5 },
          },
        },
        ours: subject('example', 'example-host'),
        baseline: subject('grpc-js', 'bare-host'),
      });
    }
  },
};
