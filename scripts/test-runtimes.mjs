// The packages, as they were built, on every runtime that the npm registry has: `pnpm test:runtimes [name]...`.
import { spawnSync } from 'node:child_process';
import { bundleSubjects, report } from './runtime-results.mjs';

/** How to run a file, by the name of the runtime. */
const runtimes = {
  'node@20': ['node'],
  'node@22': ['node'],
  'node@24': ['node'],
  'node@26': ['node'],
  bun: ['bun'],
  deno: ['deno', 'run', '--allow-all', '--quiet'],
};

const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(runtimes);
const unknown = names.find((name) => !(name in runtimes));
if (unknown !== undefined) {
  console.error(`Unknown runtime: ${unknown}. Known: ${Object.keys(runtimes).join(', ')}.`);
  process.exit(2);
}

const subjects = '.vitest/runtimes/subjects.mjs';
await bundleSubjects('test/runtimes/subjects.ts', subjects);

for (const name of names) {
  const [command, ...options] = runtimes[name];
  const run = (...args) =>
    spawnSync('npx', ['--yes', `--package=${name}`, '--', command, ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
      timeout: 900_000,
    });
  const [version = ''] = /\d+\.\d+\.\d+/.exec(run('--version').stdout) ?? [];
  const allPassed = report(name, version, [
    run(...options, 'test/runtimes/features.mjs', ...options),
    run(...options, 'test/runtimes/packages.mjs', 'packages/rpc-endpoint/dist/rpc-endpoint.js', ...options),
    run(...options, 'test/runtimes/contract.mjs', subjects),
  ]);
  if (!allPassed) process.exitCode = 1;
}
