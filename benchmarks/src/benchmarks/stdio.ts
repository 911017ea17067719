import type { Benchmark, BenchmarkContext } from '../benchmark.js';
import type { Subject } from '../measurement.js';
import { Program, programFile } from '../program.js';

/** Calls to a plugin without an address, compared with one on a unix socket. */
export const stdio: Benchmark = {
  title: 'Standard input and output',
  name: 'stdio',
  run: async (context) => {
    await over('descriptor 3', 0.9, context);
    await over('stdin and stdout', 0.5, context);
  },
};

/** @param atLeast - The share of a unix socket's rate that is to be reached. */
async function over(medium: string, atLeast: number, { compare, directory, size }: BenchmarkContext): Promise<void> {
  const measure = (what: string, count: number, ...args: number[]): Promise<void> => {
    const subject = (name: string, of: string): Subject<'value'> => ({
      name,
      sample: async () => {
        await using host = new Program(process.execPath, [programFile('stdio'), of, directory], 1);
        await host.call('start');
        await host.call('rate', count / 10, ...args);
        return { value: await host.call('rate', count, ...args) };
      },
    });
    return compare({
      metrics: {
        value: { title: `${what}, ${medium}`, unit: 'calls/s', better: 'higher', goal: { of: 'ratio', atLeast } },
      },
      ours: subject('transport-stdio', medium),
      baseline: subject('transport-unix', 'unix'),
      fresh: true,
    });
  };
  await measure('sequential calls', size(3000, 500), 64, 1);
  await measure('echoes of 64 KiB, 16 at once', size(4000, 500), 64 * 1024, 16);
}
