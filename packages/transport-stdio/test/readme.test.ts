import { copyFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { codeBlocks, freshDirectory, run, script } from '@rpcplugin/test-support';
import { expect, it } from 'vitest';

it('the README example runs unchanged', async () => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
  const [plugin = '', host = ''] = codeBlocks(readme, 'js');
  const directory = await freshDirectory();
  const [, file = ''] = script(import.meta.url, plugin);
  await copyFile(file, join(directory, 'plugin.mjs'));
  const ending = await run(script(import.meta.url, host), { cwd: directory });
  expect(ending).toEqual({ status: 0, stdout: 'hello from the plugin\n', stderr: '' });
});
