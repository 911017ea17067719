// The programs in the guides and in the READMEs of several packages, as a reader would save and run them: each in the
// file that its first line names.
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL, URL } from 'node:url';
import { text } from 'node:stream/consumers';
import { bundle, closeAfterTest, codeBlocks, freshDirectory, run, script, startProgram } from '@rpcplugin/test-support';
import type { Ending } from '@rpcplugin/test-support';
import { UnixSocketTransport } from '@rpcplugin/transport-unix';
import { expect, it } from 'vitest';

const read = (page: string): Promise<string> => readFile(new URL(`../${page}`, import.meta.url), 'utf8');

/** The files in a page, by name. */
async function filesIn(page: string): Promise<Map<string, string>> {
  const files = (await read(page)).matchAll(/^```(?:js|proto)\n(\/\/ (\S+)\n[^]*?)^```$/gm);
  return new Map(Array.from(files, ([, content = '', name = '']) => [name, content]));
}

/** Saves the files of pages in a directory, the later ones over the earlier, and runs one of them there. */
async function runPages(pages: readonly string[], program: string): Promise<Ending> {
  const directory = await freshDirectory();
  const sources = join(directory, 'sources');
  await mkdir(sources);
  await symlink(fileURLToPath(new URL('../node_modules', import.meta.url)), join(sources, 'node_modules'));
  const files = new Map<string, string>();
  for (const page of pages) for (const [name, content] of await filesIn(page)) files.set(name, content);
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
  expect(await runPages(['docs/getting-started.md'], 'host.mjs')).toEqual({
    status: 0,
    stderr: '',
    stdout: 'Hello, world!\n',
  });
  const byHand = await runPages(['docs/getting-started.md'], 'plugin.mjs');
  expect(byHand).toMatchObject({ status: 1, stdout: '' });
  expect(byHand.stderr).toContain('this program is a plugin, which only its host can start');
});

it('writing a host and a plugin: they agree on TLS, and the plugin ends when its host leaves', async () => {
  const pages = ['docs/getting-started.md', 'docs/writing-a-plugin.md', 'docs/writing-a-host.md'];
  const ending = await runPages(pages, 'host.mjs');
  expect(ending).toEqual({ status: 0, stderr: '', stdout: 'Hello, world!\n' });
});

it('the root README: the host connects to the plugin that it launched', async () => {
  const ending = await runPages(['README.md'], 'host.mjs');
  expect(ending).toMatchObject({ status: 0, stderr: '' });
  expect(ending.stdout).toMatch(/^connected to unix:\/.*\n$/);
});

it('transport-core: the host receives what the plugin sends, on the network that they agreed on', async () => {
  const [example = ''] = codeBlocks(await read('packages/transport-core/README.md'), 'js');
  const env = { XDG_RUNTIME_DIR: await freshDirectory() };
  const ending = await run(script(import.meta.url, example), { env });
  expect(ending).toMatchObject({ status: 0, stderr: '' });
  expect(ending.stdout).toMatch(/^listening on unix:\/.*\nreceived hello\n$/);
});

it('transport-core: the child answers on the connection that its parent accepted', async () => {
  const [, parent = '', child = ''] = codeBlocks(await read('packages/transport-core/README.md'), 'js');
  const path = join(await freshDirectory(), 'p.sock');
  const [, childFile = ''] = script(import.meta.url, child);
  const code = parent.replace('/run/example/plugin.sock', path).replace("'child.mjs'", JSON.stringify(childFile));
  const listening = startProgram(script(import.meta.url, `${code}\nconsole.log('listening');`));
  await listening.printed(/listening/);
  const host = closeAfterTest(new UnixSocketTransport());
  const connection = await host.connect(`unix:${path}`, { allowHalfOpen: true });
  connection.end('hello');
  expect(await text(connection)).toBe('hello');
});

it('frameworks: a plugin listens on the network that its author chose', async () => {
  expect(await runPages(['docs/frameworks.md'], 'plugin.mjs')).toEqual({ status: 0, stderr: '', stdout: 'unix\n' });
});

it('diagnostics: a program prints what fails', async () => {
  const ending = await runPages(['docs/diagnostics.md'], 'diagnostics.mjs');
  expect(ending).toEqual({ status: 0, stdout: '', stderr: 'connect: NOT_FOUND\n' });
});
