// Tests the packages as published: packs and lints each, installs all in an empty project, imports, requires and
// type-checks them there, and runs the contract on a transport.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, URL } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const packages = readdirSync(join(root, 'packages'));
/** Those to import; the others are commands. */
const libraries = packages.filter((name) => '.' in manifestOf(name).exports);

/** Without the variables that pnpm sets for its scripts, as npm warns about those that it does not know. */
const env = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !name.startsWith('npm_') || name === 'npm_config_registry'),
);

/** A user's program with all packages, valid as JavaScript and as strict TypeScript. */
const program = `
const server = new unix.UnixSocketTransport();
const client = new unix.UnixSocketTransport();
const endpoint = await server.listen({ onConnection: (connection) => void connection.end('hello') });
let text = '';
for await (const chunk of await client.connect(endpoint)) text += String(chunk);
await Promise.all([server.close(), client.close()]);
if (text !== 'hello' || utils.parseEndpoint(endpoint).network !== 'unix') throw new Error(text);
const refusal = await new tcp.TCPSocketTransport().connect('127.0.0.1:1').catch((error) => error);
if (!core.TransportError.isInstance(refusal) || refusal.code !== 'CONNECTION_REFUSED') throw new Error('not refused');
if (grpc.grpcChannelOptions(endpoint)['grpc.default_authority'] !== 'localhost') throw new Error('no options');
if (testkit.transportCases({ create: () => new testkit.MemoryTransport() }).length === 0) throw new Error('no cases');
`;
/** Bundlers may rename what they bundle. */
const names = `
const modules = { ${packages.map(short).join(', ')} };
for (const module of Object.values(modules)) {
  for (const [name, value] of Object.entries(module)) {
    if (typeof value === 'function' && value.name !== name) throw new Error(name + ' is called ' + value.name);
  }
}
`;
/** A test file for one of the runners that the kit supports. */
const contract = (runner) => `
import { MemoryTransport } from '@rpcplugin/transport-testkit';
import { describeTransport } from '@rpcplugin/transport-testkit/${runner}';
describeTransport({ create: () => new MemoryTransport() }, { timeoutMs: 60_000 });
`;
/** From the oldest version of TypeScript that the READMEs name (test/supported-versions.test.ts) to the newest one. */
const typescripts = ['5.2', '5.8', '6', '7'];
/** The first of them in which CommonJS can require ES modules. */
const firstRequiring = '5.8';
const imports = libraries.map((name) => `import * as ${short(name)} from '@rpcplugin/${name}';`).join('\n');
const requires = libraries.map((name) => `const ${short(name)} = require('@rpcplugin/${name}');`).join('\n');
const typedRequires = requires.replaceAll('const ', 'import ');

const quietly = ['--no-audit', '--no-fund', '--loglevel=error'];
const project = mkdtempSync(join(tmpdir(), 'check-packages-'));
try {
  const tarballs = pack();
  for (const tarball of tarballs) run(bin('publint'), 'run', tarball, '--strict');

  const { catalog } = readWorkspace();
  write('package.json', JSON.stringify({ private: true, type: 'module' }));
  const compilers = typescripts.map((version) => `typescript-${version}@npm:typescript@${version}`);
  const peers = ['@grpc/grpc-js', '@types/node'].map((name) => `${name}@${catalog[name]}`);
  run('npm', 'install', ...quietly, ...peers, ...compilers, ...tarballs);

  packages.forEach(checkMaps);
  write('esm.mjs', imports + program + names);
  write('cjs.cjs', `${requires}\n(async () => {${program}})();`);
  write('types.mts', imports + program);
  write('types.cts', `${typedRequires}\nexport async function main(): Promise<void> {${program}}`);
  for (const file of ['esm.mjs', 'cjs.cjs']) run(process.execPath, file);
  // A command prints its version.
  for (const name of packages.flatMap((each) => Object.keys(manifestOf(each).bin ?? {}))) run('npx', name, '--version');
  write('node.test.mts', contract('node-test'));
  write('node.test.mjs', contract('node-test'));
  for (const version of typescripts) {
    const files = typescripts.indexOf(version) < typescripts.indexOf(firstRequiring) ? [] : ['types.cts'];
    checkTypes(version, 'types.mts', 'node.test.mts', ...files);
  }
  run(process.execPath, '--test', '--test-reporter=dot', 'node.test.mjs');

  // Installed last, because only the kit's vitest entry may need it.
  run('npm', 'install', ...quietly, `vitest@${catalog.vitest}`);
  write('vitest.test.mts', contract('vitest'));
  checkTypes(typescripts.at(-1), 'vitest.test.mts', '--skipLibCheck');
  run('npx', 'vitest', 'run', '--reporter=dot', 'vitest.test.mts');
  const checked = `type-checked with TypeScript ${typescripts.join(', ')}`;
  console.log(`${packages.length} packages packed, linted, installed, imported, required and ${checked}`);
} finally {
  rmSync(project, { recursive: true });
}

function manifestOf(name) {
  return JSON.parse(readFileSync(join(root, 'packages', name, 'package.json'), 'utf8'));
}

/** Packs all packages, and returns the tarballs. */
function pack() {
  const args = ['--recursive', '--filter', './packages/*', 'pack', '--json', '--pack-destination', project];
  const output = execFileSync('pnpm', args, { cwd: root, encoding: 'utf8' });
  return JSON.parse(output).map(({ filename }) => filename);
}

/** Checks that an editor can go from the declarations and the code of an installed package to its sources. */
function checkMaps(name) {
  const dist = join(project, 'node_modules/@rpcplugin', name, 'dist');
  const files = readdirSync(dist);
  for (const file of files.filter((each) => each.endsWith('.d.ts') && !files.includes(`${each}.map`))) {
    throw new Error(`${name}: ${file} has no map`);
  }
  for (const file of files.filter((each) => each.endsWith('.map'))) {
    const { sources } = JSON.parse(readFileSync(join(dist, file), 'utf8'));
    // Private packages of the workspace are bundled.
    for (const source of sources.filter((each) => each.startsWith('../src/'))) readFileSync(join(dist, source));
    if (!sources.some((source) => source.startsWith('../src/'))) throw new Error(`${name}: ${file} names no source`);
  }
}

/** Checks the declarations of the packages too, except with `--skipLibCheck`. */
function checkTypes(version, ...files) {
  const strict = ['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--types', 'node', '--module', 'nodenext'];
  const options = [...strict, '--target', 'es2022', '--lib', 'es2022,esnext.disposable'];
  run(process.execPath, `node_modules/typescript-${version}/bin/tsc`, ...options, ...files);
}

/** The catalog of pnpm-workspace.yaml, which is flat: `name: version`. */
function readWorkspace() {
  const [, lines = ''] = readFileSync(join(root, 'pnpm-workspace.yaml'), 'utf8').split(/^catalog:\n/m);
  return {
    catalog: Object.fromEntries(
      [...lines.matchAll(/^ +'?([^':]+)'?: (\S+)$/gm)].map(([, name, version]) => [name, version]),
    ),
  };
}

function write(file, text) {
  writeFileSync(join(project, file), text);
}

function run(command, ...args) {
  execFileSync(command, args, { cwd: project, env, stdio: 'inherit' });
}

function bin(name) {
  return join(root, 'node_modules/.bin', name);
}

/** `transport-tcp` as `tcp`, `endpoint-utils` as `utils`. */
function short(name) {
  return name.slice(name.indexOf('-') + 1);
}
