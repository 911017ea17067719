import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { sourceLoader } from '@rpcplugin/test-support';
import { expect, it, onTestFinished } from 'vitest';
import { MemoryTransport, requirements, transportCases } from '../src/index.js';
import type { Capabilities, Requirement, TransportCase } from '../src/index.js';
import { oneConnection } from './one-connection.js';

const packageDirectory = fileURLToPath(new URL('..', import.meta.url));
const readme = await readFile(join(packageDirectory, 'README.md'), 'utf8');
const [example = '', broken = '', fake = ''] = codeBlocks('js');
const [failure = ''] = codeBlocks('text');
const [contractTest = ''] = codeBlocks('ts');

function codeBlocks(language: string): string[] {
  return Array.from(
    readme.matchAll(new RegExp(`^ *\`\`\`${language}\n(.*?)^ *\`\`\``, 'gms')),
    ([, code = '']) => code,
  );
}

/** The cells of all table rows. */
const rows = readme
  .split('\n')
  .filter((line) => line.startsWith('|'))
  .map((line) => line.split('|').map((cell) => cell.trim()));

/** Runs a program as a test file, and resolves with the output of node:test. */
async function runTests(program: string, pattern = '.'): Promise<{ output: string; passed: boolean }> {
  // Resolves the package as if a user had installed it.
  const directory = await mkdtemp(join(tmpdir(), 'readme-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  await mkdir(join(directory, 'node_modules/@rpcplugin'), { recursive: true });
  await symlink(packageDirectory, join(directory, 'node_modules/@rpcplugin/transport-testkit'));
  const file = join(directory, 'readme.test.mjs');
  await writeFile(file, program);
  const args = [...sourceLoader, '--test', `--test-name-pattern=${pattern}`, '--test-reporter=spec', file];
  const run = promisify(execFile)(process.execPath, args, { cwd: packageDirectory });
  return run.then(
    ({ stdout }) => ({ output: stdout, passed: true }),
    (error: unknown) => ({ output: (error as { stdout: string }).stdout, passed: false }),
  );
}

function count(word: string, output: string): number {
  return Number(new RegExp(`${word} (\\d+)`).exec(output)?.[1]);
}

it('the example runs all cases that need no capability with node:test', async () => {
  const { output, passed } = await runTests(example);
  expect(passed, output).toBe(true);
  expect([count('pass', output), count('fail', output)]).toEqual([transportCases(memoryOnly).length, 0]);
});

it('the failing example prints the output in the README', async () => {
  const { output, passed } = await runTests(broken, 'C3');
  expect(passed, output).toBe(false);
  // Times differ.
  const linesOf = (text: string): string[] => text.split('\n').map((line) => line.replace(/[\d.]+ ?ms/, 'N ms').trim());
  expect(linesOf(output)).toEqual(expect.arrayContaining(linesOf(failure.trimEnd())));
});

it('the example of a fake passes', async () => {
  const { output, passed } = await runTests(fake);
  expect(passed, output).toBe(true);
  expect([count('pass', output), count('fail', output)]).toEqual([1, 0]);
});

it('the test of the custom transport matches the file in examples', async () => {
  const file = join(packageDirectory, '../../examples/custom-transport/test/contract.test.ts');
  expect(contractTest.replace(/^ {3}/gm, '')).toBe(await readFile(file, 'utf8'));
});

it('the table of requirements matches the data', () => {
  const documented = rows.filter(([, id = '']) => /^[A-Z]\d$/.test(id)).map((cells) => cells.slice(1, 4));
  expect(documented).toEqual(
    requirements.map(({ id, statement, capability }: Requirement) => [
      id,
      statement,
      capability === undefined ? '' : `\`${capability}\``,
    ]),
  );
});

const memoryOnly = { create: () => new MemoryTransport() };
const capabilities: Required<Omit<Capabilities, 'peerOf'>> = {
  canonical: /^/,
  createAt: () => new MemoryTransport(),
  malformed: [],
  foreign: [],
  stuck: () => '',
  module: { url: import.meta.url },
  absent: {},
  leftovers: () => [],
  cleanUp: () => undefined,
};

it('the table of capabilities lists the cases that peerOf adds', () => {
  const without = transportCases({ ...memoryOnly, capabilities });
  const added = casesAdded(without, transportCases(oneConnection));
  expect(documentedCases('peerOf')).toEqual(added);
});

it.each(Object.keys(capabilities))('the table of capabilities lists the cases that %s adds', (name) => {
  const others = Object.fromEntries(Object.entries(capabilities).filter(([other]) => other !== name));
  const without = transportCases({ ...memoryOnly, capabilities: others });
  expect(documentedCases(name)).toEqual(casesAdded(without, transportCases({ ...memoryOnly, capabilities })));
});

/** The requirements of the cases that are not in `without`. */
function casesAdded(without: readonly TransportCase[], all: readonly TransportCase[]): string[] {
  const names = new Set(without.map(({ name }) => name));
  return [...new Set(all.filter(({ name }) => !names.has(name)).map(({ requirement }) => requirement))];
}

function documentedCases(capability: string): string[] {
  return rows.find(([, cell]) => cell === `\`${capability}\``)?.[3]?.match(/\b[A-Z]\d\b/g) ?? [];
}
