import { mkdir, readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { codeBlocks, freshDirectory, isRoot, run, script, startProgram, until } from '@rpcplugin/test-support';
import { expect, it } from 'vitest';
import { packageDirectory, saysHello, transport } from './support.js';

const readme = await readFile(join(packageDirectory, 'README.md'), 'utf8');
const [example = '', signals = '', otherUser = '', host = '', plugin = '', proxied = '', leftovers = ''] = codeBlocks(
  readme,
  'js',
);

it('the README example runs unchanged', async () => {
  const ending = await run(script(import.meta.url, example));
  expect(ending).toMatchObject({ status: 0, stdout: 'hello from the plugin\n' });
});

it('the README signal handlers leave nothing behind on SIGTERM', async () => {
  const directory = await freshDirectory();
  const code = `
    import { UnixSocketTransport } from '@rpcplugin/transport-unix';
    const transport = new UnixSocketTransport({ path: process.argv[2] });
    ${signals}
    console.log(await transport.listen());
  `;
  const listening = startProgram(script(import.meta.url, code, join(directory, 'a/p.sock')));
  await listening.printed(/\n/);
  expect(await readdir(join(directory, 'a'))).toEqual(['p.sock']);
  listening.process.kill('SIGTERM');
  expect(await listening.ended).toMatchObject({ status: 'SIGTERM' });
  expect(await readdir(directory)).toEqual([]);
});

it.runIf(isRoot)('the README plugin listens in the directory of its host, as another user', async () => {
  const plugin = `
    import { unixOptionsFromEnv, UnixSocketTransport } from '@rpcplugin/transport-unix';
    const transport = new UnixSocketTransport(unixOptionsFromEnv());
    console.log(process.getuid(), process.getgid(), await transport.listen());
    await transport.close();
  `;
  const [, pluginFile = ''] = script(import.meta.url, plugin);
  const started = `process.execPath, [${JSON.stringify(pluginFile)}], { stdio: 'inherit', `;
  const base = await freshDirectory(0o755);
  const options = `base: ${JSON.stringify(base)}, group: 1001`;
  const code = otherUser.replace("group: 'plugins'", options).replace("'./plugin', { ", started);
  const ending = await run(script(import.meta.url, code));
  expect(ending).toMatchObject({ status: 0, stderr: '' });
  expect(ending.stdout).toMatch(new RegExp(`^1001 1001 unix:${base}/`));
  expect(await readdir(base)).toEqual([]);
});

it('the README lists leftovers', async () => {
  const directory = await freshDirectory();
  const place = join(directory, `rpcplugin-${process.getuid?.()}`);
  await mkdir(place, { mode: 0o700 });
  const env = { XDG_RUNTIME_DIR: directory };
  const { status, stdout, stderr } = await run(script(import.meta.url, leftovers), { env });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toContain(`gone ${place} nothing uses it\n`);
});

it('the README host passes its socket to the README plugin, and removes the file in the end', async () => {
  const path = join(await freshDirectory(), 'p.sock');
  const [, pluginFile = ''] = script(import.meta.url, plugin);
  const code = host.replace('/run/example/plugin.sock', path).replace("'plugin.mjs'", JSON.stringify(pluginFile));
  const program = startProgram(script(import.meta.url, `${code}\nprocess.once('SIGTERM', () => plugin.kill());`));
  await until(() => saysHello(path).catch(() => false));
  program.process.kill('SIGTERM');
  expect(await program.ended).toEqual({ status: 0, stdout: '', stderr: '' });
  expect(await readdir(dirname(path))).toEqual([]);
});

it('the README names the client behind a proxy', async () => {
  const path = join(await freshDirectory(), 'p.sock');
  const code = proxied.replace('/run/example/plugin.sock', path).replace(/^ *group: .*\n/m, '');
  const listening = startProgram(script(import.meta.url, `${code}\nconsole.log('listening');`));
  await listening.printed(/listening/);
  const socket = await transport().connect(`unix:${path}`);
  socket.write('PROXY TCP4 192.0.2.1 198.51.100.2 1111 443\r\n');
  expect(await text(socket)).toBe('hello 192.0.2.1:1111, who called 198.51.100.2:443\n');
});
