// Mutation testing of a package or of some of its files: `pnpm mutate endpoint-utils [src/host.ts]...`. With
// `--all-tests` it runs all tests for each mutant, because the coverage per test misses what child processes run.
import { existsSync } from 'node:fs';
import { Stryker } from '@stryker-mutator/core';

const [name, ...rest] = process.argv.slice(2);
if (name === undefined || !existsSync(`packages/${name}/src`)) {
  console.error('Usage: pnpm mutate <package> [--all-tests] [file of the package[:line-line]]...');
  process.exit(2);
}
process.env.MUTATE = name;
const allTests = rest.includes('--all-tests');
// The runner of vitest measures coverage even if it should not: vitest.stryker.setup.ts discards it.
if (allTests) process.env.MUTATE_ALL_TESTS = '1';
const files = rest.filter((arg) => arg !== '--all-tests');
await new Stryker({
  ...(allTests && { coverageAnalysis: 'off' }),
  // Named files are tested again, even if their results are known.
  ...(files.length > 0 && { mutate: files.map((file) => `packages/${name}/${file}`), force: true }),
}).runMutationTest();
