import { sharedDirectory, startProgram } from '@rpcplugin/test-support';
import { expect, it } from 'vitest';
import { makeIdentity } from './certificates.js';
import { childCommand } from './support.js';

it('a process does not wake up for TLS connections without calls', async () => {
  const directory = sharedDirectory();
  await makeIdentity(directory, 'localhost');
  const host = startProgram(childCommand('sleeps.ts', '40', directory));
  const { stdout, stderr } = await host.ended;
  expect(stderr).toBe('');
  expect(Number(stdout)).toBeGreaterThan(0);
  // Three as a rule: the end of the time, and one look at all connections after it began.
  expect(Number(stdout)).toBeLessThan(9);
});
