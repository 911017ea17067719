import { readFile } from 'node:fs/promises';
import { codeBlocks, freshDirectory, isRoot, run, script } from '@rpcplugin/test-support';
import { expect, it } from 'vitest';

const guide = await readFile(new URL('../../../docs/containers.md', import.meta.url), 'utf8');
const [host = '', plugin = ''] = codeBlocks(guide, 'js');

it.runIf(isRoot)('docs/containers.md has a host and a plugin that meet in a shared directory', async () => {
  const [node, pluginFile = ''] = script(import.meta.url, plugin);
  const launched = host.replace("'node', 'plugin.mjs'", JSON.stringify([node, pluginFile]).slice(1, -1));
  const env = { XDG_RUNTIME_DIR: await freshDirectory() };
  const ending = await run(script(import.meta.url, launched), { env });
  expect(ending).toEqual({ status: 0, stderr: '', stdout: 'true\nhello from the container\n' });
});
