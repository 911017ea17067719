import type { Benchmark } from '../benchmark.js';
import type { Subject } from '../measurement.js';
import { Program, programFile, Running } from '../program.js';
import { STEADY_HEAP } from '../programs/memory.js';
import type { Memory } from '../programs/memory.js';

const PLUGINS = 100;

/** A host with many plugins that have been called, and are not called now. */
export const idle: Benchmark = {
  title: 'An idle host',
  name: 'idle',
  run: async ({ compare, directory, size }) => {
    const subject = (name: string, library: string): Subject<'kept' | 'wakeUps'> => ({
      name,
      sample: async () => {
        await using running = new Running();
        // Theirs is one process, as only the host is measured.
        const plugins = running.keep(Program.node('grpc', library, 'unix'));
        const args = [...STEADY_HEAP, programFile('grpc'), library, 'unix'];
        const host = running.keep(new Program(process.execPath, args));
        const hold = async (count: number): Promise<void> => {
          for (let i = 0; i < count; i++) await host.call('hold', await plugins.call<string>('listen', directory));
        };
        // Compiles the code.
        await hold(10);
        const before = await host.call<Memory>('memory');
        await hold(PLUGINS);
        const { kept } = await host.call<Memory>('memory');
        // Some timers of grpc-js repeat every 10 s.
        const wakeUps = await host.call<number>('wakeUps', size(30, 10));
        return { kept: (kept - before.kept) / PLUGINS / 1024, wakeUps };
      },
    });
    await compare({
      metrics: {
        kept: {
          title: `memory of a host per plugin, of ${PLUGINS}`,
          unit: 'KiB',
          better: 'lower',
        },
        wakeUps: {
          title: `wake-ups of a host of ${PLUGINS} idle plugins`,
          unit: 'per second',
          better: 'lower',
          goal: { of: 'median', atMost: 1 },
        },
      },
      ours: subject('connectGrpc', 'transport'),
      baseline: subject('grpc-js', 'bare'),
      fresh: true,
    });
  },
};
