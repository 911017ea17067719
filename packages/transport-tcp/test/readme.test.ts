import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { codeBlocks, portOf, Program, run, script, startProgram } from '@rpcplugin/test-support';
import { expect, it } from 'vitest';
import { packageDirectory, transport, withFreePorts } from './support.js';

const readme = await readFile(join(packageDirectory, 'README.md'), 'utf8');
const [example = '', inRange = '', handedOver = '', proxied = ''] = codeBlocks(readme, 'js');

it('the README example runs unchanged', async () => {
  const ending = await run(script(import.meta.url, example));
  expect(ending).toMatchObject({ status: 0, stdout: 'hello from the plugin\n' });
});

it('the README plugin listens on a port that its host allows', async () => {
  const program = script(import.meta.url, `${inRange}\nconsole.log(await plugin.listen());\nawait plugin.close();`);
  await withFreePorts(1, async (port) => {
    const env = { PLUGIN_MIN_PORT: String(port), PLUGIN_MAX_PORT: String(port) };
    expect(await run(program, { env })).toEqual({ status: 0, stdout: `127.0.0.1:${port}\n`, stderr: '' });
  });
});

it('the README plugin listens on the socket that its host holds', async () => {
  const host = transport();
  const { endpoint, fd } = await host.hold();
  const code = `
    ${handedOver}
    console.log(await plugin.listen({ onConnection: (connection) => connection.end('hello') }));
  `;
  const command = ['sh', '-c', 'LISTEN_PID=$$ exec "$@"', 'sh', ...script(import.meta.url, code)] as const;
  const plugin = new Program(command, { env: { LISTEN_FDS: '1' } }, ['pipe', 'pipe', 'pipe', fd]);
  await plugin.printed(new RegExp(`^${endpoint}\n`));
  expect(await text(await transport().connect(endpoint))).toBe('hello');
});

it('the README names the client behind a proxy', async () => {
  const code = proxied.replace('port: 4000', 'port: 0').replace('10.0.0.0/24', '127.0.0.1');
  const listening = startProgram(script(import.meta.url, `${code}\nconsole.log(plugin.endpoint);`));
  const [endpoint] = await listening.printed(/.+(?=\n)/);
  const socket = await transport().connect(`127.0.0.1:${portOf(endpoint)}`);
  socket.write('PROXY TCP4 192.0.2.1 198.51.100.2 1111 443\r\n');
  expect(await text(socket)).toBe('hello 192.0.2.1:1111, who called 198.51.100.2:443\n');
});
