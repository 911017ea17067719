import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

// Tests run against the sources of the workspace's packages, so they need no build. Node gets these conditions too:
// with `import` among them, it would resolve what a dependency requires as if it were imported.
const conditions = ['@rpcplugin/source', 'node'];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: [
      'packages/*/test/**/*.test.ts',
      'examples/*/test/**/*.test.ts',
      'interop/test/**/*.test.ts',
      'machines/test/**/*.test.ts',
      'benchmarks/test/**/*.test.ts',
      'test/**/*.test.ts',
    ],
    globalSetup: 'internal/test-support/src/global-setup.ts',
    // For a test that hangs. On a busy machine, others take many times as long as on an idle one.
    testTimeout: 120_000,
    hookTimeout: 60_000,
    // Most tests wait, for time limits and for processes. By default vitest would use one of two processors.
    maxWorkers: 2 * availableParallelism(),
    // The table in docs/interop.md is made from these results.
    reporters: ['default', ['json', { outputFile: '.vitest/results.json' }]],
  },
});
