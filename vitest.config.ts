import { defineConfig } from 'vitest/config';

// Tests run against the sources of the workspace's packages, so that no build has to come first. Node gets these conditions too:
// with `import` among them, what a dependency requires would be resolved as if it was imported.
const conditions = ['@rpcplugin/source', 'node'];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: [
      'packages/*/test/**/*.test.ts',
      'examples/*/test/**/*.test.ts',
      'interop/test/**/*.test.ts',
      'benchmarks/test/**/*.test.ts',
      'test/**/*.test.ts',
    ],
    testTimeout: 30_000,
    // All of them: on two processors vitest would use one.
    maxWorkers: '100%',
    // The README's table of peers is made from these.
    reporters: ['default', ['json', { outputFile: '.vitest/results.json' }]],
  },
});
