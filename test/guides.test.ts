// The programs in the guides, as a reader would save and run them: each in the file that its first line names.
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL, URL } from 'node:url';
import { bundle, freshDirectory, run } from '@rpcplugin/test-support';
import type { Ending } from '@rpcplugin/test-support';
import { expect, it } from 'vitest';

/** The files in a guide, by name. */
async function filesIn(guide: string): Promise<Map<string, string>> {
  const text = await readFile(new URL(`../docs/${guide}.md`, import.meta.url), 'utf8');
  const files = text.matchAll(/^```(?:js|proto)\n(\/\/ (\S+)\n[^]*?)^```$/gm);
  return new Map(Array.from(files, ([, content = '', name = '']) => [name, content]));
}

/** Saves the files of guides in a directory, the later ones over the earlier, and runs one of them there. */
async function runGuides(guides: readonly string[], program: string): Promise<Ending> {
  const directory = await freshDirectory();
  const sources = join(directory, 'sources');
  await mkdir(sources);
  await symlink(fileURLToPath(new URL('../node_modules', import.meta.url)), join(sources, 'node_modules'));
  const files = new Map<string, string>();
  for (const guide of guides) for (const [name, content] of await filesIn(guide)) files.set(name, content);
  for (const [name, content] of files) {
    await writeFile(join(name.endsWith('.mjs') ? sources : directory, name), content);
  }
  // Bundled, as the packages are TypeScript here.
  for (const name of files.keys()) {
    if (name.endsWith('.mjs')) bundle(pathToFileURL(join(sources, name)), join(directory, name));
  }
  return run([process.execPath, program], { cwd: directory, env: { XDG_RUNTIME_DIR: directory } });
}

it('getting started: the host gets its greeting, and the plugin refuses a person', async () => {
  expect(await runGuides(['getting-started'], 'host.mjs')).toEqual({
    status: 0,
    stderr: '',
    stdout: 'Hello, world!\n',
  });
  const byHand = await runGuides(['getting-started'], 'plugin.mjs');
  expect(byHand).toMatchObject({ status: 1, stdout: '' });
  expect(byHand.stderr).toContain('this program is a plugin, which only its host can start');
});

it('writing a host and a plugin: they agree on TLS, and the plugin ends when its host leaves', async () => {
  const guides = ['getting-started', 'writing-a-plugin', 'writing-a-host'];
  const ending = await runGuides(guides, 'host.mjs');
  expect(ending).toEqual({ status: 0, stderr: '', stdout: 'Hello, world!\n' });
});

it('frameworks: a plugin listens on the network that its author chose', async () => {
  expect(await runGuides(['frameworks'], 'plugin.mjs')).toEqual({ status: 0, stderr: '', stdout: 'unix\n' });
});

it('diagnostics: a program prints what fails', async () => {
  const ending = await runGuides(['diagnostics'], 'diagnostics.mjs');
  expect(ending).toEqual({ status: 0, stdout: '', stderr: 'connect: NOT_FOUND\n' });
});
