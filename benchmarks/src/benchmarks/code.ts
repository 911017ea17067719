import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Benchmark } from '../benchmark.js';
import { bundlePackage, bundleSize } from '../bundle-size.js';
import type { Subject } from '../measurement.js';
import { Program, programFile, Running } from '../program.js';

const run = promisify(execFile);

/** The cost of the code itself: loading, parsing and size. */
export const code: Benchmark = {
  title: 'Loading and parsing',
  name: 'code',
  run: async ({ compare, directory, size }) => {
    const importing = (module: string, name = module): Subject<'value'> => ({
      name,
      sample: async () => {
        const value = [];
        for (let i = 0; i < size(4, 2); i++) {
          const { stdout } = await run(process.execPath, [programFile('import-time'), module]);
          value.push(Number(stdout));
        }
        return { value };
      },
    });
    const ours = '@rpcplugin/transport-unix';
    const bundled = join(directory, 'transport-unix.mjs');
    await writeFile(bundled, (await bundlePackage(ours)).text);
    await compare({
      metrics: {
        value: {
          title: 'import, beyond that of node:net',
          unit: 'ms',
          better: 'lower',
          goal: { of: 'median', atMost: 10, why: 'most of it is finding four packages' },
        },
      },
      ours: importing(ours),
      peers: [
        importing(bundled, 'the same in a bundle'),
        ...['@rpcplugin/transport-tcp', '@grpc/grpc-js', 'vscode-jsonrpc/node'].map((module) => importing(module)),
      ],
    });

    for (const text of [
      'tcp://127.0.0.1:50051',
      'tcp://host.example:50051',
      'tcp://[::1]:50051',
      'unix:///run/p.sock',
    ]) {
      await using running = new Running();
      const parsing = (name: string): Subject<'value'> => {
        const program = running.keep(Program.node('parse', name));
        return { name, sample: async () => ({ value: await program.call('parse', text, size(2_000_000, 200_000)) }) };
      };
      await compare({
        metrics: {
          value: { title: `parse ${text}`, unit: 'ns', better: 'lower', goal: { of: 'ratio', atMost: 0.5 } },
        },
        ours: parsing('parseEndpoint'),
        baseline: parsing('new URL'),
      });
    }

    const sizing = (name: string): Subject<'value'> => ({
      name,
      sample: async () => ({ value: (await bundleSize(`@rpcplugin/${name}`)).gzipped / 1000 }),
    });
    await compare(
      {
        metrics: {
          value: {
            title: 'size with dependencies, minified and gzipped',
            unit: 'kB',
            better: 'lower',
            goal: { of: 'median', atMost: 10, why: 'most of it looks after the socket file' },
          },
        },
        ours: sizing('transport-unix'),
        peers: ['transport-tcp', 'transport-grpc'].map(sizing),
        fresh: true,
      },
      1,
    );
  },
};
