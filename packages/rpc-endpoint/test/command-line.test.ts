import { readFile } from 'node:fs/promises';
import { run } from '@rpcplugin/test-support';
import { describe, expect, it } from 'vitest';
import { command, rpcEndpoint } from './support.js';

const usage = 'Run `rpc-endpoint --help` for the usage.\n';

it.each(['--help', '-h', 'probe --help'])('%s fits a terminal of 24 lines and 80 columns', async (args) => {
  const { status, stdout, stderr } = await rpcEndpoint(args.split(' '));
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const lines = stdout.trimEnd().split('\n');
  // The prompt takes a line as well.
  expect(lines.length).toBeLessThan(24);
  expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(80);
  for (const word of ['explain', 'probe', 'sweep', '--timeout', '--json', 'Exit status'])
    expect(stdout).toContain(word);
});

it('--version prints that of the package', async () => {
  const manifest = await readFile(new URL('../package.json', import.meta.url), 'utf8');
  const { version } = JSON.parse(manifest) as { version: string };
  expect(await rpcEndpoint(['--version'])).toEqual({ status: 0, stdout: `${version}\n`, stderr: '' });
});

it.each([
  { args: [], says: 'an endpoint is missing' },
  { args: ['probe'], says: 'an endpoint is missing' },
  { args: ['--nonsense', 'a:1'], says: "unknown option '--nonsense'" },
  { args: ['--non\u001b[31msense', 'a:1'], says: String.raw`unknown option '--non\u{1b}[31msense'` },
  { args: ['-x', 'a:1'], says: "unknown option '-x'" },
  { args: ['--json=1', 'a:1'], says: "option '--json' does not take an argument" },
  { args: ['probe', 'a:1', '--timeout'], says: "option '--timeout <value>' argument missing" },
  { args: ['probe', 'a:1', '--timeout', '0'], says: '--timeout cannot be "0": give milliseconds, at least 1' },
  { args: ['probe', 'a:1', '--timeout', '1s'], says: '--timeout cannot be "1s": give milliseconds, at least 1' },
  { args: ['probe', 'a:1', '--timeout', '9999999999'], says: '--timeout cannot be "9999999999": .*' },
  { args: ['a:1', '--timeout', '1'], says: '--timeout is an option of probe, not of explain' },
  { args: ['probe', 'a:1', '--dry-run'], says: '--dry-run is an option of sweep, not of probe' },
  { args: ['probe', 'a:1', 'b:1'], says: 'unexpected argument "b:1"' },
  { args: ['sweep', '/tmp', '/run'], says: 'unexpected argument "/run"' },
  { args: ['sweep', ''], says: 'the directory is empty' },
  { args: ['probe', 'a:1', '--authority', ''], says: '--authority cannot be "": .*' },
  { args: ['probe', 'a:1', '--authority', 'kv:1'], says: '--authority cannot be "kv:1": .*' },
  { args: ['probe', 'a:1', '--cert', 'c'], says: '--cert and --key go together' },
])('$args is wrong usage: exit status 2', async ({ args, says }) => {
  const { status, stdout, stderr } = await rpcEndpoint(args);
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  if (says.endsWith('.*')) expect(stderr).toContain(says.slice(0, -2));
  else expect(stderr).toBe(`rpc-endpoint: ${says}\n${usage}`);
});

it('a file of certificates that does not exist is wrong usage', async () => {
  const { status, stderr } = await rpcEndpoint(['probe', 'a:1', '--ca', '/nonexistent/ca.pem']);
  expect(status).toBe(2);
  expect(stderr).toMatch(/cannot read the file of --ca: ENOENT.*\nCheck the path\.\n$/);
});

it('an endpoint that is malformed is a problem: exit status 1, and JSON with the code', async () => {
  const { status, stdout, stderr } = await rpcEndpoint(['--json', '::1:50051']);
  expect(status).toBe(1);
  expect(JSON.parse(stdout)).toEqual({
    error: {
      code: 'INVALID_ENDPOINT',
      message: 'invalid endpoint "::1:50051": an IPv6 address needs brackets',
      hint: 'An IPv6 address needs brackets. Write "[::1]:50051".',
    },
  });
  expect(stderr).toMatch(/^rpc-endpoint: invalid endpoint "::1:50051"/);
});

describe('colour', () => {
  const escape = '\u001b[';
  /** Runs `rpc-endpoint` on a pseudo-terminal, whose output script(1) copies. */
  const onTerminal = async (env: NodeJS.ProcessEnv, ...args: string[]): Promise<string> => {
    const line = command(...args).map((word) => `'${word}'`);
    // Node asks all of these.
    const unset = { NO_COLOR: undefined, FORCE_COLOR: undefined, NODE_DISABLE_COLORS: undefined, CI: undefined };
    const plain = { ...unset, TERM: 'xterm' };
    const { status, stdout } = await run(['script', '-qec', line.join(' '), '/dev/null'], {
      env: { ...plain, ...env },
    });
    expect(status).toBe(0);
    expect(stdout).toContain('127.0.0.1:1');
    return stdout;
  };

  it('is used on a terminal', async () => {
    expect(await onTerminal({}, '127.0.0.1:1')).toContain(escape);
  });

  it.each([
    { where: 'with NO_COLOR', env: { NO_COLOR: '1' }, args: [] },
    { where: 'with --no-color', env: {}, args: ['--no-color'] },
    { where: 'on a dumb terminal', env: { TERM: 'dumb' }, args: [] },
    { where: 'in JSON', env: {}, args: ['--json'] },
  ])('is not used on a terminal $where', async ({ env, args }) => {
    expect(await onTerminal(env, ...args, '127.0.0.1:1')).not.toContain(escape);
  });

  it('is not used in a pipe, unless FORCE_COLOR asks for it', async () => {
    const env = { NO_COLOR: undefined, FORCE_COLOR: undefined };
    expect((await rpcEndpoint(['127.0.0.1:1'], { env })).stdout).not.toContain(escape);
    expect((await rpcEndpoint(['127.0.0.1:1'], { env: { ...env, FORCE_COLOR: '1' } })).stdout).toContain(escape);
  });
});

it('a reader that leaves early does not make it fail', async () => {
  const line = command('127.0.0.1:1').map((word) => `'${word}'`);
  const { stderr } = await run(['sh', '-c', `${line.join(' ')} | true`]);
  expect(stderr).toBe('');
});
