// Transports on sockets that another process opened, over unix and TCP. The peers are sockets of Python, which are opened
// in the very process that becomes the plugin.
import { join } from 'node:path';
import { freshDirectory, hasIPv6, isRoot, run, script } from '@rpcplugin/test-support';
import type { CommandLine } from '@rpcplugin/test-support';
import { describe, expect, it } from 'vitest';
import { connectTo, hostTransport, networks, Plugin, pluginCommand, received, startPlugin } from './support.js';
import type { Network } from './support.js';

/** Runs a plugin whose descriptor 3 is the Python socket `s`. `path` is that of a socket in a fresh directory. */
async function pluginOn(python: string, network: Network, path = 'unused', given?: string): Promise<Plugin> {
  const code = `
import os, sys
from socket import *
path = sys.argv[1]
${python}
s.fileno() == 3 or os.dup2(s.fileno(), 3)
os.set_inheritable(3, True)
os.execvp(sys.argv[2], sys.argv[2:])`;
  const plugin = new Plugin(['python3', '-IS', '-c', code, path, ...pluginCommand(network, given)]);
  await plugin.report();
  return plugin;
}

const listenUnix = 's = socket(AF_UNIX); s.bind(path); s.listen()';
const listenTcp = "s = socket(); s.bind(('127.0.0.1', 0)); s.listen()";

/** Binds a socket whose name looks like a row for `s` in the kernel's table of unix sockets. */
const lookAlike = `
os.chdir(os.path.dirname(path))
row = 'x\\n0: 2 0 00010000 0001 01 %d ' % os.fstat(s.fileno()).st_ino
os.mkdir(row)
t = socket(AF_UNIX); t.bind(row + '/x'); os.set_inheritable(t.fileno(), True)`;

describe('a transport accepts on a socket that was handed over', () => {
  it('from a unix socket, whose path it knows if the socket was bound to it', async () => {
    const path = join(await freshDirectory(), 'ä.sock');
    const plugin = await pluginOn(listenUnix, 'unix', path);
    const { endpoint } = await plugin.report();
    expect(endpoint).toBe(`unix:${path}`);
    expect(await received(await connectTo(`unix:${path}`))).toBe(String(plugin.process.pid));
  });

  it.each(
    [
      { kind: 'IPv4', python: listenTcp, canonical: /^127\.0\.0\.1:[1-9]\d*$/, runs: true },
      { kind: 'IPv6', python: "s = socket(AF_INET6); s.bind(('::1', 0)); s.listen()", canonical: /^\[::1\]:[1-9]\d*$/ },
      {
        kind: 'any address',
        python: "s = socket(AF_INET6); s.bind(('::', 0)); s.listen()",
        canonical: /^\[::\]:[1-9]\d*$/,
      },
    ].filter(({ runs }) => runs ?? hasIPv6),
  )('from a TCP socket, $kind', async ({ python, canonical }) => {
    const plugin = await pluginOn(python, 'tcp');
    const { endpoint = '' } = await plugin.report();
    expect(endpoint).toMatch(canonical);
    expect(await received(await connectTo(endpoint))).toBe(String(plugin.process.pid));
  });

  it.each(networks)('beside one whose name looks like its row in the table of the kernel, over %s', async (network) => {
    const path = join(await freshDirectory(), 's');
    const [python, given] = network === 'unix' ? [listenUnix, path] : [listenTcp, undefined];
    const plugin = await pluginOn(`${python}\n${lookAlike}`, network, path, given);
    const { endpoint = '' } = await plugin.report();
    expect(await received(await connectTo(endpoint))).toBe(String(plugin.process.pid));
  });

  it.each(networks)('and closes its descriptor when it closes, over %s', async (network) => {
    const { transport, path } = await hostTransport(network);
    const { fd } = await transport.hold();
    const plugin = await startPlugin(fd, pluginCommand(network, path));
    const { status, stdout } = await plugin.stop();
    expect({ status, last: stdout.split('\n').at(-2) }).toEqual({ status: 0, last: 'closed' });
  });

  it.each(networks)('which programs that it starts do not inherit, over %s', async (network) => {
    const { transport, path } = await hostTransport(network);
    const { fd } = await transport.hold();
    const plugin = await startPlugin(fd, pluginCommand(network, path));
    expect(await plugin.report()).toMatchObject({ isInherited: false });
  });

  // The tables of the kernel are those of the namespace.
  it.runIf(isRoot).each(networks)('from another network namespace, over %s', async (network) => {
    const { transport, path } = await hostTransport(network);
    const { endpoint, fd } = await transport.hold();
    const plugin = await startPlugin(fd, ['unshare', '--net', ...pluginCommand(network, path)]);
    expect(await plugin.report()).toMatchObject({ endpoint });
    expect(await received(await connectTo(endpoint))).toBe(String(plugin.process.pid));
  });
});

const boundUnix = 's = socket(AF_UNIX); s.bind(path)';

describe('a descriptor that cannot be listened on is refused', () => {
  const invalid = 'INVALID_ARGUMENT';
  it.each<{ what: string; network: Network; python: string; code: string; message: string }>([
    { what: 'a bound socket', network: 'unix', python: boundUnix, code: invalid, message: 'does not listen' },
    { what: 'a socket', network: 'unix', python: 's = socket(AF_UNIX)', code: invalid, message: 'does not listen' },
    {
      what: 'a connected socket',
      network: 'unix',
      python: 's = socketpair()[0]',
      code: invalid,
      message: 'not listen',
    },
    {
      what: 'a datagram socket',
      network: 'unix',
      python: 's = socket(AF_UNIX, SOCK_DGRAM); s.bind(path)',
      code: 'NOT_A_SOCKET',
      message: 'not a stream socket',
    },
    {
      what: 'a socket of packets',
      network: 'unix',
      python: 's = socket(AF_UNIX, SOCK_SEQPACKET); s.bind(path); s.listen()',
      code: 'NOT_A_SOCKET',
      message: 'not a stream socket',
    },
    { what: 'a TCP socket', network: 'unix', python: listenTcp, code: invalid, message: 'a TCP socket' },
    {
      what: 'a socket with an abstract name, without a path,',
      network: 'unix',
      python: "s = socket(AF_UNIX); s.bind('\\0' + path); s.listen()",
      code: invalid,
      message: 'path of the socket that was handed over is not known',
    },
    {
      what: 'a socket with a relative name, without a path,',
      network: 'unix',
      python: "os.chdir(os.path.dirname(path)); s = socket(AF_UNIX); s.bind('x'); s.listen()",
      code: invalid,
      message: 'path of the socket that was handed over is not known',
    },
    {
      what: 'a socket whose file is gone, without a path,',
      network: 'unix',
      python: `${listenUnix}; os.unlink(path)`,
      code: invalid,
      message: 'path of the socket that was handed over is not known',
    },
    {
      what: 'a socket beside one whose name looks like its row in the table of the kernel, without a path,',
      network: 'unix',
      python: `${listenUnix}\n${lookAlike}`,
      code: invalid,
      message: 'path of the socket that was handed over is not known',
    },
    {
      what: 'a bound socket',
      network: 'tcp',
      python: "s = socket(); s.bind(('127.0.0.1', 0))",
      code: invalid,
      message: 'does not listen',
    },
    { what: 'a socket', network: 'tcp', python: 's = socket()', code: invalid, message: 'does not listen' },
    {
      what: 'a connected socket',
      network: 'tcp',
      // Its listener moves out of the way of descriptor 3.
      python: `${listenTcp}; os.set_inheritable(os.dup(s.fileno()), True); t = s; s = socket(); s.connect(t.getsockname())`,
      code: invalid,
      message: 'does not listen',
    },
    {
      what: 'a socket whose connection was reset',
      network: 'tcp',
      python: `${listenTcp}; t = s; s = socket(); s.connect(t.getsockname())`,
      code: 'NOT_A_SOCKET',
      message: 'is connected',
    },
    {
      what: 'a UDP socket',
      network: 'tcp',
      python: "s = socket(AF_INET, SOCK_DGRAM); s.bind(('127.0.0.1', 0))",
      code: 'NOT_A_SOCKET',
      message: 'not a stream socket',
    },
    { what: 'a unix socket', network: 'tcp', python: listenUnix, code: invalid, message: 'a unix socket' },
    ...networks.flatMap((network) => [
      { what: 'a file', network, python: 's = open(path, "w")', code: 'NOT_A_SOCKET', message: 'not a socket' },
      {
        what: 'a pipe',
        network,
        python: 'r, w = os.pipe(); s = open(r)',
        code: 'NOT_A_SOCKET',
        message: 'not a socket',
      },
    ]),
  ])('$what, by a $network transport', async ({ network, python, code, message }) => {
    const plugin = await pluginOn(python, network, join(await freshDirectory(), 's'));
    const { error } = await plugin.report();
    expect({ code: error?.code, hint: typeof error?.hint }).toEqual({ code, hint: 'string' });
    expect(error?.message).toContain(message);
  });

  it('and is left open and not listening', async () => {
    const path = join(await freshDirectory(), 's');
    const code = `
import os, subprocess, sys
from socket import *
s = socket(AF_UNIX); s.bind(sys.argv[1]); os.dup2(s.fileno(), 3); os.set_inheritable(3, True)
subprocess.run(sys.argv[2:], pass_fds=[3], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
print(s.getsockopt(SOL_SOCKET, SO_ACCEPTCONN))`;
    const { stdout } = await run(['python3', '-IS', '-c', code, path, ...pluginCommand('unix', path)]);
    expect(stdout).toBe('0\n');
  });
});

describe("where the kernel's tables cannot be read, such as under Node's permission model,", () => {
  const has = (option: string): boolean => process.allowedNodeEnvironmentFlags.has(option);
  const flags = [has('--permission') ? '--permission' : '--experimental-permission', '--allow-child-process'];
  // Node 26 has it.
  if (has('--allow-net')) flags.push('--allow-net');
  const confined = ([node, program = '', ...args]: CommandLine): CommandLine => [
    node,
    ...[...flags, `--allow-fs-read=${program}`, '--no-warnings', program, ...args],
  ];

  it.each(networks)('a %s transport accepts on a socket that was handed over', async (network) => {
    const { transport, path } = await hostTransport(network);
    const { endpoint, fd } = await transport.hold();
    const plugin = await startPlugin(fd, confined(pluginCommand(network, path)));
    expect(await plugin.report()).toMatchObject({ endpoint });
    expect(await received(await connectTo(endpoint))).toBe(String(plugin.process.pid));
  });

  it.each<{ network: Network; held: Network; message: string }>([
    { network: 'unix', held: 'tcp', message: 'descriptor 3 is a TCP socket' },
    { network: 'tcp', held: 'unix', message: 'descriptor 3 is a unix socket' },
    { network: 'unix', held: 'unix', message: 'the path of the socket that was handed over is not known' },
  ])('a $network transport says so: $message', async ({ network, held, message }) => {
    const { transport } = await hostTransport(held);
    const { endpoint, fd } = await transport.hold();
    const plugin = await startPlugin(fd, confined(pluginCommand(network)));
    expect((await plugin.report()).error).toMatchObject({ code: 'INVALID_ARGUMENT', message });
    // The socket itself goes on.
    await connectTo(endpoint);
  });
});

/** Runs code with a transport `create()` on descriptor 3, which is a socket that the test holds. */
async function outputWith(network: Network, code: string): Promise<string> {
  const { transport, path } = await hostTransport(network);
  const { fd } = await transport.hold();
  const program = `
    import { closeSync, openSync } from 'node:fs';
    import { TCPSocketTransport } from '@rpcplugin/transport-tcp';
    import { UnixSocketTransport } from '@rpcplugin/transport-unix';
    const path = process.argv[2];
    const create = () => path === '' ? new TCPSocketTransport({ fd: 3 }) : new UnixSocketTransport({ fd: 3, path });
    const codeOf = (action) => action().then((value) => value, ({ code, message }) => code + ': ' + message);
    ${code}
  `;
  const command: CommandLine = script(import.meta.url, program, path ?? '');
  const plugin = new Plugin(command, {}, ['pipe', 'pipe', 'pipe', fd]);
  const { stdout, stderr, status } = await plugin.ended;
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
  return stdout.trim();
}

describe.each(networks)('of a %s transport on a socket that was handed over,', (network) => {
  it('a second transport of the process does not disturb the first', async () => {
    const output = await outputWith(
      network,
      `const [first, second] = [create(), create()];
      const endpoint = await first.listen();
      console.log(await codeOf(() => second.listen()));
      console.log(await codeOf(() => second.connect(endpoint).then(() => 'connected')));
      await Promise.all([first, second].map((each) => each.close({ graceMs: 0 })));`,
    );
    expect(output).toBe('ADDRESS_IN_USE: descriptor 3 is in use\nconnected');
  });

  it('listen works once, because the descriptor is closed then', async () => {
    const output = await outputWith(
      network,
      `const transport = create();
      await transport.listen();
      await transport.stopListening();
      console.log(await codeOf(() => transport.listen()));
      console.log(await codeOf(async () => create()));`,
    );
    expect(output).toBe(Array(2).fill('INVALID_ARGUMENT: descriptor 3 is not open').join('\n'));
  });

  it('another file that got the number of the descriptor is left alone', async () => {
    const output = await outputWith(
      network,
      `const transport = create();
      closeSync(3);
      console.log(openSync('/dev/null'));
      console.log(await codeOf(() => transport.listen()));
      closeSync(3);`,
    );
    expect(output).toBe('3\nINVALID_ARGUMENT: descriptor 3 is another file now');
  });

  it('hold is refused', async () => {
    const output = await outputWith(network, 'console.log(await codeOf(() => create().hold()));');
    expect(output).toBe('INVALID_ARGUMENT: descriptor 3 is already held');
  });
});
