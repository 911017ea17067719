import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { freshDirectory, packageDirectory, program } from './support.js';

const readme = await readFile(join(packageDirectory, 'README.md'), 'utf8');
const [example = '', signals = ''] = Array.from(readme.matchAll(/```js\n(.*?)```/gs), ([, code]) => code);
const node = ['--conditions=@rpcplugin/source', '--import', 'tsx', '--input-type=module', '-e'];

it('the example of the README runs as it stands', async () => {
  const run = promisify(execFile)(process.execPath, [...node, example], { cwd: packageDirectory });
  expect((await run).stdout).toBe('hello from the plugin\n');
});

it('with the three lines of the README, SIGTERM leaves nothing', async () => {
  const directory = await freshDirectory();
  const script = `
    import { UnixSocketTransport } from '@rpcplugin/transport-unix';
    const transport = new UnixSocketTransport({ path: process.argv[1] });
    ${signals}
    console.log(await transport.listen());
  `;
  const listening = await program(process.execPath, [...node, script, join(directory, 'a/p.sock')]);
  expect(await readdir(join(directory, 'a'))).toEqual(['p.sock']);
  listening.kill('SIGTERM');
  expect(await listening.ending).toEqual([null, 'SIGTERM']);
  expect(await readdir(directory)).toEqual([]);
});
