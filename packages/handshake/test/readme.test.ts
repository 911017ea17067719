import { readFile } from 'node:fs/promises';
import { codeBlocks, run, script } from '@rpcplugin/test-support';
import { expect, it } from 'vitest';

const [agreed = '', host = '', plugin = ''] = codeBlocks(
  await readFile(new URL('../README.md', import.meta.url), 'utf8'),
  'js',
);

it("runs the README's host and plugin, which agree on the latest version, with certificates", async () => {
  const withAgreed = (code: string): string =>
    code.replace(/^import .* '.\/agreed.mjs';$/m, agreed.replace('export ', ''));
  const [, file = ''] = script(import.meta.url, withAgreed(plugin));
  const ending = await run(script(import.meta.url, withAgreed(host).replace("'plugin.mjs'", JSON.stringify(file))));
  const stdout = 'version 2 at 127.0.0.1:50051, with a certificate\n';
  expect(ending).toEqual({ status: 0, stderr: '', stdout });

  const byHand = await run([process.execPath, file]);
  expect(byHand).toMatchObject({ status: 1, stdout: '' });
  expect(byHand.stderr).toMatch(/this program is a plugin, which only its host can start/);
});
