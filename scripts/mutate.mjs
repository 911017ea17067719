// Mutation testing of one package: `pnpm mutate endpoint-utils`, or of some of its files: `pnpm mutate endpoint-utils src/host.ts`.
import { existsSync } from 'node:fs';
import { Stryker } from '@stryker-mutator/core';

const [name, ...files] = process.argv.slice(2);
if (name === undefined || !existsSync(`packages/${name}/src`)) {
  console.error('Usage: pnpm mutate <package> [file of the package]...');
  process.exit(2);
}
process.env.MUTATE = name;
// Files that are named are done again, whatever is known of them.
const mutate = files.map((file) => `packages/${name}/${file}`);
await new Stryker(files.length > 0 ? { mutate, force: true } : {}).runMutationTest();
