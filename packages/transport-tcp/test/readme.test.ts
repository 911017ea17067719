import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { packageDirectory } from './support.js';

it('the example of the README runs as it stands', async () => {
  const readme = await readFile(join(packageDirectory, 'README.md'), 'utf8');
  const example = /```js\n(.*?)```/s.exec(readme)?.[1] ?? '';
  const args = ['--conditions=@rpcplugin/source', '--import', 'tsx', '--input-type=module', '-e', example];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: packageDirectory });
  expect(stdout).toBe('hello from the plugin\n');
});
