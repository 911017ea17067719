import { existsSync } from 'node:fs';
import { freshDirectory, startProgram, until } from '@rpcplugin/test-support';
import { expect, it } from 'vitest';
import { describeMachines } from '../src/describe-machines.js';
import { typescriptProgram } from '../src/programs.js';

describeMachines('a network of machines', ['dnsmasq'], () => {
  it('ends with the process that made it, when that is killed', async () => {
    const args = [await freshDirectory()];
    const maker = startProgram(typescriptProgram(new URL('children/lan-maker.ts', import.meta.url), args));
    const [, ...pids] = await maker.printed(/processes (\d+) (\d+) (\d+) (\d+)/);
    expect(pids.every(isAlive)).toBe(true);
    maker.process.kill('SIGKILL');
    await until(() => !pids.some(isAlive));
  });
});

function isAlive(pid: string): boolean {
  return existsSync(`/proc/${pid}`);
}
