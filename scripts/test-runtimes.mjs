// The contract on every runtime that the npm registry has, from the built packages: `pnpm test:runtimes [name]...`.
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { basename } from 'node:path';
import { build } from 'esbuild';

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
mkdirSync('.vitest/runtimes', { recursive: true });
await build({
  entryPoints: ['test/runtimes/subjects.ts'],
  outfile: subjects,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  conditions: ['@rpcplugin/source'],
  plugins: [{ name: 'built packages', setup: useBuiltPackages }],
});

/** What users get is tested: the published packages come from `dist`. */
function useBuiltPackages({ onResolve }) {
  onResolve({ filter: /^@rpcplugin\/(transport|endpoint)/ }, ({ path }) => ({ path, external: true }));
  onResolve({ filter: /^\.\.\/src\/index\.js$/ }, ({ resolveDir }) => ({
    path: `@rpcplugin/${basename(resolveDir.replace(/\/test$/, ''))}`,
    external: true,
  }));
}

let isRed = false;
for (const name of names) {
  const [command, ...args] = runtimes[name];
  const run = (...args) =>
    spawnSync('npx', ['--yes', `--package=${name}`, '--', command, ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
      timeout: 600_000,
    });
  console.log(`${name} (${run('--version').stdout.trim().split('\n')[0]})`);
  const { status, stdout } = run(...args, 'test/runtimes/contract.mjs', subjects);
  for (const { subject, cases, failures } of stdout
    .trim()
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line))) {
    console.log(`  ${subject}: ${cases - failures.length} of ${cases} cases passed`);
    for (const failure of failures)
      console.log(`    ${failure.name}\n      ${failure.error.replaceAll('\n', '\n      ')}`);
    isRed ||= failures.length > 0;
  }
  if (status !== 0) console.log(`  ended with ${status}`);
  isRed ||= status !== 0;
}
process.exitCode = isRed ? 1 : 0;
