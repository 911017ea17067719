import { chmodSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import base from './vitest.config.ts';

const name = process.env['MUTATE'] ?? '';

// A package's own tests kill its mutants, except for these.
const unfit = [
  'properties', // random input kills a mutant in one run and not in the next
  'cost', // measures time
];
// These take many seconds, and kill few mutants that the others do not, most of them in child processes.
const slow = [
  'contract',
  'hostile-peers',
  'out-of-descriptors',
  'ends-by-itself',
  'proxy',
  'readme',
  'killed',
  'one-winner',
  'no-window',
  'attacked',
  'failing-calls',
  'foreign-sockets',
  'network-namespaces',
  'refused-calls',
  'siblings',
  'many-files',
];
const tests: Record<string, string[]> = {
  // The contract tests the lifecycle in two seconds, over streams in memory. The tests of TCP cover the sockets.
  'transport-base': [
    'packages/transport-base/test/**/*.test.ts',
    'packages/transport-testkit/test/memory-transport.test.ts',
    'packages/transport-tcp/test/{close,connect,listen,options}.test.ts',
  ],
};

// The links in node_modules lead out of Stryker's sandbox, to sources without mutants.
const alias = ['packages', 'internal'].flatMap((folder) => {
  const directory = join(import.meta.dirname, folder);
  return readdirSync(directory).flatMap((each) => [
    { find: new RegExp(`^@rpcplugin/${each}$`), replacement: join(directory, each, 'src/index.ts') },
    { find: new RegExp(`^@rpcplugin/${each}/(.+)$`), replacement: join(directory, each, 'src/$1.ts') },
  ]);
});

// Stryker makes the sandbox private to its owner, but some tests start processes of another user in it.
chmodSync(import.meta.dirname, 0o755);

const include = tests[name] ?? [`packages/${name}/test/**/*.test.ts`];
const skipped = process.env['MUTATE_ALL_TESTS'] === undefined ? [...unfit, ...slow] : unfit;
const exclude = ['**/node_modules/**', ...skipped.map((file) => `**/${file}.test.ts`)];

export default defineConfig({
  ...base,
  resolve: { ...base.resolve, alias },
  test: { ...base.test, include, exclude, setupFiles: 'vitest.stryker.setup.ts' },
});
