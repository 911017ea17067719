// Mutation testing of one package: `pnpm mutate endpoint-utils`, or of some of its files: `pnpm mutate endpoint-utils src/host.ts`.
// With `--all-tests` each mutant is put through all of them, as what a child process runs is not seen in which test runs what.
import { existsSync } from 'node:fs';
import { Stryker } from '@stryker-mutator/core';

const [name, ...rest] = process.argv.slice(2);
if (name === undefined || !existsSync(`packages/${name}/src`)) {
  console.error('Usage: pnpm mutate <package> [--all-tests] [file of the package[:line-line]]...');
  process.exit(2);
}
process.env.MUTATE = name;
const files = rest.filter((arg) => arg !== '--all-tests');
await new Stryker({
  ...(rest.includes('--all-tests') && { coverageAnalysis: 'off' }),
  // Files that are named are done again, whatever is known of them.
  ...(files.length > 0 && { mutate: files.map((file) => `packages/${name}/${file}`), force: true }),
}).runMutationTest();
