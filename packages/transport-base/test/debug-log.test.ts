import { once } from 'node:events';
import { bundle, run, script, startProgram } from '@rpcplugin/test-support';
import { expect, it } from 'vitest';
import { freshPath } from './support.js';

/** A plugin and its host in one process, which prints only a handshake line. */
const everyEvent = `
import { channel } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { PipeTransport } from './pipe-transport.js';

const transport = new PipeTransport(process.argv[2], { maxConnections: 1 });
const endpoint = await transport.listen();
console.log('the handshake line');
const connection = await transport.connect(endpoint);
await once((await transport.connect(endpoint)).resume(), 'close');
connection.destroy();
await once(connection, 'close');
await transport.connect('pipe:/nowhere').catch(() => undefined);
channel('rpcplugin:transport:warning').publish({ network: 'pipe', what: 'two\\nlines', cause: new Error('a cause') });
await transport.close();
`;

it.each(['rpcplugin', 'RPCPLUGIN,net', 'rpc*'])(
  'with NODE_DEBUG=%s, a process prints what its transports do, a line each, on standard error',
  async (NODE_DEBUG) => {
    const path = await freshPath();
    const program = startProgram(script(import.meta.url, everyEvent, path), { env: { NODE_DEBUG } });
    const { pid } = program.process;
    const { status, stdout, stderr } = await program.ended;
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'the handshake line\n' });
    const prefix = `RPCPLUGIN ${String(pid)}: `;
    const lines = stderr.split('\n').filter((line) => line.startsWith(prefix));
    const about = (event: string): string[] =>
      lines.map((line) => line.slice(prefix.length)).filter((line) => line.startsWith(`${event} `));
    expect(about('listen')).toEqual([`listen pipe pipe:${path}`]);
    expect(about('accept')).toEqual([`accept pipe pipe:${path}`]);
    expect(about('connect')).toEqual(
      Array(2).fill(expect.stringMatching(`^connect pipe pipe:${path}, durationMs: \\d+$`)),
    );
    expect(about('drop')).toEqual([`drop pipe pipe:${path}, reason: maxConnections`]);
    expect(about('disconnect')).toContainEqual(`disconnect pipe pipe:${path}, open: 0`);
    expect(about('error')).toEqual([
      expect.stringMatching(
        /^error pipe pipe:\/nowhere, operation: connect, error: NOT_FOUND: connect to .*, durationMs: \d+$/,
      ),
    ]);
    expect(about('warning')).toEqual(['warning pipe, what: two\\u{a}lines, cause: a cause']);
    expect(about('close')).toEqual([`close pipe pipe:${path}, destroyed: 0`]);
  },
);

it.each([undefined, 'net', 'rpc'])(
  'with NODE_DEBUG=%s, it prints nothing and subscribes to nothing',
  async (NODE_DEBUG) => {
    const program = `${everyEvent}
    const names = ['listen', 'connect', 'accept', 'disconnect', 'drop', 'close', 'error', 'warning'];
    console.log(names.some((name) => channel('rpcplugin:transport:' + name).hasSubscribers));
  `;
    const { stdout, stderr } = await run(script(import.meta.url, program, await freshPath()), { env: { NODE_DEBUG } });
    expect(stdout).toBe('the handshake line\nfalse\n');
    expect(stderr).not.toContain('RPCPLUGIN');
  },
);

it('prints each line once if a process has two copies of the package', async () => {
  const copies = `
    const [first, second] = [await import(process.argv[2] + '?1'), await import(process.argv[2] + '?2')];
    console.log(first.reportDrop !== second.reportDrop);
    for (const copy of [first, second]) copy.reportDrop({ network: 'pipe', endpoint: 'pipe:/p' }, 'handshake');
  `;
  const file = bundle(new URL('../src/index.ts', import.meta.url));
  const { stdout, stderr } = await run(script(import.meta.url, copies, file), { env: { NODE_DEBUG: 'rpcplugin' } });
  expect(stdout).toBe('true\n');
  expect(stderr.match(/drop pipe pipe:\/p, reason: handshake\n/g)).toHaveLength(2);
});

it('goes on after the reader of its standard error has closed it', async () => {
  const plugin = `
    import { once } from 'node:events';
    import { PipeTransport } from './pipe-transport.js';
    await once(process.stdin, 'data');
    await using transport = new PipeTransport(process.argv[2]);
    console.log(await transport.listen());
    process.stdin.destroy();
  `;
  const path = await freshPath();
  const program = startProgram(script(import.meta.url, plugin, path), { env: { NODE_DEBUG: 'rpcplugin' } });
  const reader = program.process.stderr.destroy();
  await once(reader, 'close');
  program.process.stdin.write('go');
  await expect(program.ended).resolves.toMatchObject({ status: 0, stdout: `pipe:${path}\n` });
});
