import { execFile } from 'node:child_process';
import { promises } from 'node:fs';
import { open, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { freshDirectory } from '@rpcplugin/test-support';
import { transportCases } from '@rpcplugin/transport-testkit';
import { expect, it, onTestFinished, vi } from 'vitest';
import { FifoTransport } from '../src/fifo-transport.js';
import { fifo } from './subject.js';

const exec = promisify(execFile);
const example = fileURLToPath(new URL('..', import.meta.url));

it('runs the contract with node:test, too', async () => {
  // contract.test.ts runs all cases. A few are enough to see that they run with node:test.
  // The subject needs a module of its own, for the cases that run in another process.
  const loader = ['--conditions=@rpcplugin/source', '--import', 'tsx'];
  const args = [...loader, '--test', '--test-reporter=tap', String.raw`--test-name-pattern=/\bL[1-5] /`];
  const { stdout } = await exec(process.execPath, [...args, join(example, 'test/contract.node.ts')], { cwd: example });
  const cases = transportCases(fifo).filter(({ requirement }) => /^L[1-5]/.test(requirement));
  expect(stdout).toMatch(new RegExp(`^# pass ${cases.length}$`, 'm'));
  expect(stdout).toMatch(/^# fail 0$/m);
}, 120_000);

it('has under a hundred lines', async () => {
  expect((await readFile(join(example, 'src/fifo-transport.ts'), 'utf8')).split('\n').length).toBeLessThan(101);
});

it('does not touch a file that is no named pipe', async () => {
  const file = join(await freshDirectory(), 'notes');
  await writeFile(file, 'precious');
  await using host = new FifoTransport(`${file}.host`);
  await expect(host.connect(`fifo:${file}`)).rejects.toMatchObject({ code: 'NOT_A_SOCKET', endpoint: `fifo:${file}` });
  expect(await readFile(file, 'utf8')).toBe('precious');
});

it('refuses to connect to a pipe that a killed process has left, and leaves nothing beside it', async () => {
  const directory = await freshDirectory();
  const stale = join(directory, 'stale');
  await exec('mkfifo', [stale]);
  await using host = new FifoTransport(join(directory, 'host'));
  const connecting = host.connect(`fifo:${stale}`, { waitMs: 0 });
  await expect(connecting).rejects.toMatchObject({ code: 'CONNECTION_REFUSED', endpoint: `fifo:${stale}` });
  expect(await readdir(directory)).toEqual(['stale']);
});

it('refuses to connect if the listener hangs up without an answer', async () => {
  const path = join(await freshDirectory(), 'hangs-up');
  await exec('mkfifo', [path]);
  const requests = await open(path, 'r+');
  onTestFinished(() => requests.close());
  let hangUp = (): void => undefined;
  const hungUp = new Promise<void>((resolve) => (hangUp = resolve));
  // The dialer learns only after the answer that its request is written.
  const { writeFile: write } = promises;
  const slow = vi.spyOn(promises, 'writeFile').mockImplementation((...args) => write(...args).then(() => hungUp));
  onTestFinished(() => {
    slow.mockRestore();
  });
  await using host = new FifoTransport(`${path}.host`);
  const connecting = expect(host.connect(`fifo:${path}`, { waitMs: 0 })).rejects.toMatchObject({
    code: 'CONNECTION_REFUSED',
    endpoint: `fifo:${path}`,
  });
  const { bytesRead, buffer } = await requests.read();
  const name = buffer.toString('utf8', 0, bytesRead).trimEnd();
  await (await open(`${name}.down`, 'w')).close();
  for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
  hangUp();
  await connecting;
});
