import { fileURLToPath } from 'node:url';
import { run, typescript, whenAllAreOver } from '@rpcplugin/test-support';
import { transportCases } from '@rpcplugin/transport-testkit';
import { describeTransport } from '@rpcplugin/transport-testkit/vitest';
import { beforeAll, describe, expect, it } from 'vitest';
import { descriptorEnds } from './ends.js';
import { subjectOver } from './subject.js';
import * as subjects from './subjects.js';

for (const [name, subject] of Object.entries(subjects)) {
  describe(name, () => {
    describeTransport(subject);
  });
}

/** More pairs than the cases take. */
const PAIRS = 400;

// Node cannot make a pair of sockets as descriptors, so the cases run in a process that is started with some.
describe('descriptors', async () => {
  const names = transportCases(await subjectOver(descriptorEnds)).map(({ name }) => name);
  const whenOver = whenAllAreOver();
  let found: Record<string, string> = {};
  beforeAll(async () => {
    const launcher = fileURLToPath(new URL('with-socketpairs.py', import.meta.url));
    const program = typescript(new URL('children/contract.ts', import.meta.url));
    const ending = await run(['python3', launcher, String(PAIRS), ...program], { whenOver });
    expect(ending).toMatchObject({ status: 0, stderr: '' });
    found = JSON.parse(ending.stdout) as typeof found;
  }, 120_000);

  it.each(names)('%s', (name) => {
    expect(found[name]).toBe('passed');
  });
});
