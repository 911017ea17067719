import { readFile } from 'node:fs/promises';
import { codeBlocks, run, script } from '@rpcplugin/test-support';
import { expect, it } from 'vitest';

const readme = new URL('../README.md', import.meta.url);

it('the README example logs on standard error, and leaves standard output to the handshake', async () => {
  const [example = ''] = codeBlocks(await readFile(readme, 'utf8'), 'ts');
  const code = `
    import { TCPSocketTransport } from '@rpcplugin/transport-tcp';
    ${example}
    const transport = new TCPSocketTransport();
    await transport.listen();
    await transport.close();
  `;
  const { status, stdout, stderr } = await run(script(readme.href, code));
  expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
  const messages = stderr
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { msg: string }).msg);
  expect(messages).toEqual(['listening', 'closed']);
});
