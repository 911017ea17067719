// Programs that start a plugin and carry its standard input and output, or its descriptors.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { freshDirectory, isRoot, otherUser, plainListener, portOf, until } from '@rpcplugin/test-support';
import type { CommandLine } from '@rpcplugin/test-support';
import { describe, expect, it, onTestFinished } from 'vitest';
import { LaunchedPlugin, launches, pluginCommand, withoutPrints } from './host.js';
import type { Launch } from './host.js';
import { ask } from './service.js';

const prints = ['printed with console.log', 'printed with writeSync', 'printed by a child'];

/** Groups tests that need a program and root. If it is missing, they are skipped; with `INTEROP=required` they fail. */
function withProgram(program: string, debianPackage: string, tests: () => void): void {
  describe(`launched with ${program}, a plugin`, () => {
    const isMissing = spawnSync('sh', ['-c', `command -v ${program}`]).status !== 0;
    if (isMissing) {
      it.skipIf(process.env['INTEROP'] !== 'required')(`needs the Debian package ${debianPackage}`, () => {
        throw new Error(`${program} is not installed`);
      });
    } else describe.skipIf(!isRoot)('as root', tests);
  });
}

/** Makes calls of every kind to a plugin, and stops it. Resolves with what it says about itself. */
async function use(launch: Launch): Promise<{ uid: number; pid: number; network: string }> {
  const plugin = await LaunchedPlugin.start(launch);
  expect((await buffer(plugin.client.download(Buffer.from('40')))).length).toBe(40 * 2 ** 16);
  const chat = plugin.client.chat();
  const sent = Buffer.alloc(2 ** 20, 'x');
  chat.end(sent);
  expect(sent.equals(await buffer(chat))).toBe(true);
  const [uid, pid, network = ''] = String(await ask(plugin.client, 'whereabouts')).split(' ');
  const inProgress = ask(plugin.client, 'wait', '50');
  await ask(plugin.client, 'shutdown');
  expect(String(await inProgress)).toBe('50');
  expect(await plugin.ended()).toBe(0);
  return { uid: Number(uid), pid: Number(pid), network };
}

describe('what a plugin prints', () => {
  it('goes to its standard output, apart from a connection at descriptor 3', async () => {
    const { client, printed } = await LaunchedPlugin.start(launches['descriptor 3']);
    expect(String(await ask(client, 'print', 'still there'))).toBe('still there');
    await until(() => prints.every((line) => printed.stdout.includes(line)));
  });

  it('goes to its standard error with the launch recipe, apart from a connection on standard output', async () => {
    const { client, printed } = await LaunchedPlugin.start(launches['standard input and descriptor 3']);
    expect(String(await ask(client, 'print', 'still there'))).toBe('still there');
    await until(() => prints.every((line) => printed.stderr.includes(line)));
    expect((await buffer(client.download(Buffer.from('40')))).length).toBe(40 * 2 ** 16);
  });
});

withProgram('unshare', 'util-linux', () => {
  it('keeps its descriptor 3 in namespaces of its own', async () => {
    const { pid, network } = await use({
      command: ['unshare', '--net', '--pid', '--fork', '--kill-child', '--mount-proc', ...pluginCommand()],
      isDuplex: true,
    });
    expect(pid).toBe(1);
    expect(network).not.toBe(readlinkSync('/proc/self/ns/net'));
  });
});

withProgram('sudo', 'sudo', () => {
  it('runs as another user, over standard input and output', async () => {
    // Not at descriptor 3: sudo closes all but the standard ones.
    const command = withoutPrints(pluginCommand('0', '3'));
    const { uid } = await use({
      command: ['sudo', '-n', '-u', `#${otherUser.uid}`, '--', ...command],
      isDuplex: false,
    });
    expect(uid).toBe(otherUser.uid);
  });
});

withProgram('/usr/sbin/sshd', 'openssh-server', () => {
  it('runs behind a connection of ssh, over standard input and output', async () => {
    const remote = `exec 3>&1 1>&2; exec ${pluginCommand('0', '3').join(' ')}`;
    const { uid } = await use({ command: [...(await sshCommand()), remote], isDuplex: false });
    expect(uid).toBe(0);
  });
});

/** Starts an sshd on a port of its own, and returns the command line of an ssh that may log in there. */
async function sshCommand(): Promise<CommandLine> {
  const directory = await freshDirectory();
  const file = (name: string): string => join(directory, name);
  for (const key of ['host', 'user']) {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file(key)]);
  }
  await chmod(file('host'), 0o600);
  const settings = [
    `HostKey ${file('host')}`,
    `AuthorizedKeysFile ${file('user.pub')}`,
    'PermitRootLogin prohibit-password',
    'StrictModes no',
    'UsePAM no',
    'PidFile none',
  ];
  await writeFile(file('sshd_config'), settings.join('\n'));
  // As inetd does, so that the system chooses the port. sshd wants /run/sshd, which it gets in a namespace of its own.
  const inNamespace = 'mount -t tmpfs tmpfs /run && mkdir /run/sshd && exec "$@"';
  const children: ChildProcess[] = [];
  onTestFinished(() => {
    for (const child of children) child.kill();
  });
  const server = await plainListener({ host: '127.0.0.1', port: 0 }, (socket) => {
    const sshd = ['/usr/sbin/sshd', '-i', '-f', file('sshd_config')];
    const args = ['--mount', 'sh', '-c', inNamespace, 'sh', ...sshd];
    children.push(spawn('unshare', args, { stdio: [socket, socket, 'ignore'] }));
    socket.destroy();
  });
  const port = portOf(server);
  await writeFile(file('known_hosts'), `[127.0.0.1]:${port} ${await readFile(file('host.pub'), 'utf8')}`);
  const options = [`UserKnownHostsFile=${file('known_hosts')}`, 'StrictHostKeyChecking=yes', 'BatchMode=yes'];
  const args = options.flatMap((option) => ['-o', option]);
  return ['ssh', '-T', '-F', 'none', '-i', file('user'), '-p', String(port), ...args, 'root@127.0.0.1'];
}
