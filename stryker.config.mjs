// Mutation testing of one package. `scripts/mutate.mjs` sets MUTATE to its name.
const name = process.env.MUTATE;

/** @type {import('@stryker-mutator/api/core').PartialStrykerOptions} */
export default {
  packageManager: 'pnpm',
  plugins: ['@stryker-mutator/vitest-runner'],
  testRunner: 'vitest',
  // Vitest cannot find the tests related to a mutated file through the aliases of the packages.
  vitest: { configFile: 'vitest.stryker.config.ts', related: false },
  mutate: [`packages/${name}/src/**/*.ts`],
  // Most strings are messages and hints, whose wording no test should repeat.
  mutator: { excludedMutations: ['StringLiteral'] },
  coverageAnalysis: 'perTest',
  concurrency: 2,
  timeoutMS: 3000,
  timeoutFactor: 1.5,
  dryRunTimeoutMinutes: 5,
  tempDirName: '.stryker/sandbox',
  ignorePatterns: ['.stryker', 'dist'],
  incremental: true,
  incrementalFile: `.stryker/${name}.incremental.json`,
  reporters: ['clear-text', 'progress-append-only', 'json', 'html'],
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
  jsonReporter: { fileName: `.stryker/${name}.json` },
  htmlReporter: { fileName: `.stryker/${name}.html` },
  thresholds: { high: 90, low: 80, break: null },
};
