// Everything that takes longer than CI may, one after the other: `pnpm test:all`.
import { spawnSync } from 'node:child_process';
import { performance } from 'node:perf_hooks';

const pnpm = ['npx', '--yes', 'pnpm@10'];
const steps = {
  'all tests on Node 20': ['npx', '--yes', 'node@20', 'node_modules/vitest/vitest.mjs', 'run'],
  'all tests on Node 22': ['npx', '--yes', 'node@22', 'node_modules/vitest/vitest.mjs', 'run'],
  'all tests on Node 24': ['npx', '--yes', 'node@24', 'node_modules/vitest/vitest.mjs', 'run'],
  'all tests on Node 26': ['npx', '--yes', 'node@26', 'node_modules/vitest/vitest.mjs', 'run'],
  'the contract on every runtime': ['node', 'scripts/test-runtimes.mjs'],
  'attacks, races and load': [...pnpm, 'run', 'stress'],
  'ten minutes of listening and closing': [...pnpm, 'run', 'soak', '600'],
};

const results = Object.entries(steps).map(([what, [command, ...args]]) => {
  console.log(`\n== ${what}`);
  const start = performance.now();
  const { status } = spawnSync(command, args, { stdio: 'inherit' });
  const minutes = ((performance.now() - start) / 60_000).toFixed(1);
  return { what, status, minutes };
});

console.log();
for (const { what, status, minutes } of results) {
  console.log(`${status === 0 ? 'passed' : 'FAILED'}  ${what} (${minutes} min)`);
}
process.exitCode = results.every(({ status }) => status === 0) ? 0 : 1;
