// What test-runtimes.mjs and test-windows.mjs share: the bundle of the contract's subjects, and the results.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { build } from 'esbuild';

const RESULTS = '.vitest/runtimes/results.json';

/** Bundles a module with subjects of the contract, for runtimes that cannot load TypeScript. */
export async function bundleSubjects(entry, outfile) {
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    conditions: ['@rpcplugin/source'],
    plugins: [{ name: 'built packages', setup: useBuiltPackages }],
  });
}

/** What users get is tested: the published packages come from `dist`. */
function useBuiltPackages({ onResolve }) {
  onResolve({ filter: /^@rpcplugin\/(transport|endpoint)/ }, ({ path }) => ({ path, external: true }));
  onResolve({ filter: /^\.\.\/src\/index\.js$/ }, ({ resolveDir }) => ({
    path: `@rpcplugin/${basename(resolveDir.replace(/\/test$/, ''))}`,
    external: true,
  }));
}

/**
 * Prints what the programs of `test/runtimes` found, and keeps it for the table. Returns whether all cases passed.
 *
 * @param runs - The `status` and `stdout` of each program.
 */
export function report(runtime, version, runs) {
  console.log(`${runtime} (${version})`);
  const found = { version, features: {}, subjects: {} };
  let isGreen = true;
  for (const { status, stdout } of runs) {
    for (const line of stdout.trim().split(/\r?\n/).filter(Boolean)) {
      const { features, subject, cases, failures = [] } = JSON.parse(line);
      if (features !== undefined) found.features = features;
      else {
        found.subjects[subject] = { cases, passed: cases - failures.length };
        console.log(`  ${subject}: ${cases - failures.length} of ${cases} cases passed`);
      }
      for (const { name, error } of failures) console.log(`    ${name}\n      ${error.replaceAll('\n', '\n      ')}`);
      isGreen &&= failures.length === 0;
    }
    if (status !== 0) console.log(`  a program ended with ${status}`);
    isGreen &&= status === 0;
  }
  const missing = Object.keys(found.features).filter((name) => found.features[name] !== 'yes');
  if (missing.length > 0) console.log(`  does not have: ${missing.join(', ')}`);
  mkdirSync(dirname(RESULTS), { recursive: true });
  writeFileSync(RESULTS, JSON.stringify({ ...results(), [runtime]: found }, undefined, 2));
  return isGreen;
}

/** The last results of each runtime: its version, what it has, and the number of cases of each subject. */
export function results() {
  return existsSync(RESULTS) ? JSON.parse(readFileSync(RESULTS, 'utf8')) : {};
}
