import { fileURLToPath } from 'node:url';
import { run, spawnProgram, typescript } from '@rpcplugin/test-support';
import type { CommandLine } from '@rpcplugin/test-support';
import { buffer } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import type { StdioTransportOptions } from '../src/index.js';
import type { Outcome } from './children/listens.js';

/** The command line of a program that listens, started with something at descriptor 3. */
function listensWith(passed: string | undefined, options: StdioTransportOptions | 'own pipe'): CommandLine {
  const given = typeof options === 'string' ? options : JSON.stringify(options);
  const program = typescript(new URL('children/listens.ts', import.meta.url), given);
  return passed === undefined
    ? program
    : ['python3', fileURLToPath(new URL('passing.py', import.meta.url)), passed, ...program];
}

async function outcomeOf(command: CommandLine): Promise<Outcome> {
  const { stdout, stderr } = await run(command);
  expect(stderr).toBe('');
  return JSON.parse(stdout) as Outcome;
}

type Rejected = [what: string, passed: string | undefined, options: StdioTransportOptions | 'own pipe', code: string];

// Since Node 22, the event loop takes a descriptor twice.
const stdinInUse: Rejected[] = process.version.startsWith('v20.')
  ? [['standard input that process.stdin reads', undefined, { input: 0, output: 1 }, 'ADDRESS_IN_USE']]
  : [];

describe('listen rejects', () => {
  it.each<Rejected>([
    ["Node's own descriptor, in a plugin that is started by hand,", undefined, { fd: 3 }, 'NOT_FOUND'],
    ['a descriptor that is not open', undefined, { fd: 1000 }, 'NOT_FOUND'],
    ['a pipe that Node made for itself', undefined, 'own pipe', 'NOT_FOUND'],
    ['a file', 'a file', { fd: 3 }, 'NOT_A_SOCKET'],
    ['a directory', 'a directory', { fd: 3 }, 'NOT_A_SOCKET'],
    ['a terminal', 'a terminal', { fd: 3 }, 'NOT_A_SOCKET'],
    ['a terminal as input', 'a terminal', { input: 3, output: 1 }, 'NOT_A_SOCKET'],
    ['a datagram socket', 'a datagram socket', { fd: 3 }, 'NOT_A_SOCKET'],
    ['one pipe for both directions', 'the reading end of a pipe', { fd: 3 }, 'NOT_A_SOCKET'],
    ['a listener', 'a listener', { fd: 3 }, 'INVALID_ARGUMENT'],
    ['the writing end of a pipe as input', 'the writing end of a pipe', { input: 3, output: 1 }, 'INVALID_ARGUMENT'],
    ['the reading end of a pipe as output', 'the reading end of a pipe', { input: 1, output: 3 }, 'INVALID_ARGUMENT'],
    ...stdinInUse,
  ])('%s and leaves it alone', async (_what, passed, options, code) => {
    const outcome = await outcomeOf(listensWith(passed, options));
    expect(outcome).toMatchObject({ code, isUntouched: true, hint: expect.any(String) as string });
    expect(outcome.message).toMatch(/descriptor \d+ /);
  });

  it("Node's own channel to its parent with ADDRESS_IN_USE", async () => {
    const child = spawnProgram(listensWith(undefined, { fd: 3 }), {}, ['pipe', 'pipe', 'inherit', 'ipc']);
    expect(JSON.parse(String(await buffer(child.stdout)))).toMatchObject({ code: 'ADDRESS_IN_USE' });
  });
});

it('listen takes a connection at descriptor 3', async () => {
  expect(await outcomeOf(listensWith('a connection', { fd: 3 }))).toMatchObject({ code: 'listening' });
});
