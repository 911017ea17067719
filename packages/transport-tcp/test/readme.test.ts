import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { codeBlocks, run, script } from '@rpcplugin/test-support';
import { expect, it } from 'vitest';
import { packageDirectory } from './support.js';

it('the README example runs unchanged', async () => {
  const readme = await readFile(join(packageDirectory, 'README.md'), 'utf8');
  const [example = ''] = codeBlocks(readme, 'js');
  const ending = await run(script(import.meta.url, example));
  expect(ending).toMatchObject({ status: 0, stdout: 'hello from the plugin\n' });
});
