// Everything that takes longer than CI may, one after the other: `pnpm test:all`.
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';

const pnpm = (...args) => ['npx', ['--yes', 'pnpm@10', 'run', ...args]];
// Where other users find them as well, whom some tests start Node as.
const nodes = mkdtempSync(join(tmpdir(), 'nodes-'));
chmodSync(nodes, 0o755);

const onNode = (version) => () => {
  const prefix = join(nodes, String(version));
  run('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error', `--prefix=${prefix}`, `node@${version}`]);
  const path = `${join(prefix, 'node_modules/.bin')}:${process.env.PATH}`;
  return run('node', ['node_modules/vitest/vitest.mjs', 'run'], { ...process.env, PATH: path });
};
const steps = {
  'all tests on Node 20': onNode(20),
  'all tests on Node 22': onNode(22),
  'all tests on Node 24': onNode(24),
  'all tests on Node 26': onNode(26),
  'the contract on every runtime': () => run(...pnpm('test:runtimes')),
  'Windows, under wine': () => run(...pnpm('test:windows')),
  'the table of runtimes': () => run(...pnpm('compatibility-table')),
  'the site in a browser': () => run(...pnpm('test:site')),
  'attacks, races and load': () => run(...pnpm('stress')),
  'ten minutes of listening and closing': () => run(...pnpm('soak', '600')),
  // One file and one benchmark: whether the commands work.
  'mutation tests': () => run(...pnpm('mutate', 'endpoint-utils', 'src/local.ts')),
  'a short benchmark': () => run(...pnpm('bench', '--quick', 'listen')),
};

const results = [];
try {
  for (const [what, step] of Object.entries(steps)) {
    console.log(`\n== ${what}`);
    const start = performance.now();
    const { status } = step();
    results.push({ what, status, minutes: ((performance.now() - start) / 60_000).toFixed(1) });
  }
} finally {
  rmSync(nodes, { recursive: true });
}

console.log();
for (const { what, status, minutes } of results) {
  console.log(`${status === 0 ? 'passed' : 'FAILED'}  ${what} (${minutes} min)`);
}
process.exitCode = results.every(({ status }) => status === 0) ? 0 : 1;

function run(command, args, env = process.env) {
  return spawnSync(command, args, { stdio: 'inherit', env });
}
