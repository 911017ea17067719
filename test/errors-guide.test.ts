// docs/errors.md: an entry for every code, with an example that rejects with it.
import { readFile } from 'node:fs/promises';
import { codeBlocks, limitDescriptors, run, script } from '@rpcplugin/test-support';
import { describe, expect, it } from 'vitest';

const read = (file: string): Promise<string> => readFile(new URL(`../${file}`, import.meta.url), 'utf8');
const [introduction = '', ...entries] = (await read('docs/errors.md')).split(/^## /m);
const byCode = entries.map((entry) => [entry.slice(0, entry.indexOf('\n')), entry] as const);

describe('docs/errors.md', () => {
  it('has an entry for every code, in the order of the type', async () => {
    const [, type = ''] =
      /type TransportErrorCode =([^;]*);/.exec(await read('packages/transport-core/src/errors.ts')) ?? [];
    expect(byCode.map(([code]) => code)).toEqual(Array.from(type.matchAll(/'(\w+)'/g), ([, code]) => code));
  });

  it('begins with an example that runs', async () => {
    const ending = await run(script(import.meta.url, codeBlocks(introduction, 'js')[0] ?? ''));
    expect(ending).toMatchObject({ status: 0, stderr: '' });
    expect(ending.stdout).toMatch(/^NOT_FOUND\nunix:.*\n.*\n.*ENOENT/);
  });

  it.concurrent.for(byCode)('shows how to get %s', async ([code, entry], { onTestFinished: whenOver }) => {
    const [example = ''] = codeBlocks(entry, 'js');
    const program = script(import.meta.url, example);
    const command = code === 'RESOURCE_EXHAUSTED' ? limitDescriptors(100, program) : program;
    const { status, stderr } = await run(command, { whenOver });
    expect(stderr).toContain(`TransportError: `);
    expect(stderr).toContain(`code: '${code}'`);
    expect(status).toBe(1);
  });
});
