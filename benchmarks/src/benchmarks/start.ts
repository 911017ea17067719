import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Benchmark } from '../benchmark.js';
import type { Subject } from '../measurement.js';
import { programFile } from '../program.js';

/** In milliseconds. */
type StartTime = Readonly<Record<'wall' | 'processor', number>>;

/** From the spawn of the example's plugin to its handshake line, for each step of docs/fast-start.md. */
export const start: Benchmark = {
  title: 'Fast start',
  name: 'start',
  run: async ({ compare, size }) => {
    const cached = fileURLToPath(import.meta.resolve('@rpcplugin/example-kv/fast-start'));
    const subject = (name: string, file: string): Subject<'wall' | 'processor'> => ({
      name,
      sample: async () => {
        const times: StartTime[] = [];
        for (let i = 0; i < size(6, 2); i++) times.push(await timeToLine(file));
        return { wall: times.map(({ wall }) => wall), processor: times.map(({ processor }) => processor) };
      },
    });
    await compare({
      metrics: {
        wall: {
          title: 'from spawn to handshake line, unix',
          unit: 'ms',
          better: 'lower',
          goal: { of: 'difference', atMost: 80 },
        },
        // Hardly depends on what else the machine does.
        processor: { title: 'processor time of the main thread until then', unit: 'ms', better: 'lower' },
      },
      // The warm-up round fills the cache. Node 20 has none.
      ours: subject('bundled, with a compile cache', cached),
      baseline: subject('an empty process', programFile('empty')),
      peers: [
        subject('bundled', join(dirname(cached), 'plugin.mjs')),
        subject('as built', fileURLToPath(import.meta.resolve('@rpcplugin/example-kv/plugin'))),
      ],
    });
  },
};

async function timeToLine(file: string): Promise<StartTime> {
  const env = { ...process.env, BASIC_PLUGIN: 'hello', PLUGIN_PROTOCOL_VERSIONS: '1', PLUGIN_TRANSPORTS: 'unix' };
  const started = performance.now();
  const child = spawn(process.execPath, [file], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  const wall = performance.now() - started;
  const processor = await mainThreadMs(child.pid ?? NaN);
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  await exited;
  return { wall, processor };
}

/** How long the main thread of a process has run; `NaN` where there is no such file. */
async function mainThreadMs(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').catch(() => 'NaN');
  return Number(text.split(' ')[0]) / 1e6;
}
