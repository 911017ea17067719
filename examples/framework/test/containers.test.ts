// Plugins in namespaces of their own, as containers have them, with hosts that see other addresses.
import { readdir } from 'node:fs/promises';
import { pathTranslator } from '@rpcplugin/endpoint-utils';
import type { PortTranslatorOptions } from '@rpcplugin/endpoint-utils';
import { freshDirectory, isRoot, otherUser, run } from '@rpcplugin/test-support';
import { createSocketDirectory, unixTransportFactory } from '@rpcplugin/transport-unix';
import { describe, expect, it, onTestFinished } from 'vitest';
import { launch } from '../src/host.js';
import { agreed } from './agreed.js';
import { callBothWays } from './both-ways.js';
import { bundled, pluginArgs } from './support.js';

describe.runIf(isRoot)('a plugin over unix in namespaces of its own', () => {
  const options = ['--mount', '--net', '--pid', '--fork', '--kill-child', '--mount-proc'];
  const namespaces = ['unshare', ...options];
  // The host's directory is mounted at /mnt, as by Docker's `--volume`, and all else is read-only, as by `--read-only`.
  const mount = 'mount --bind "$0" /mnt';
  const readOnly = 'mount -o remount,bind,ro / && ! touch /tmp 2>&-';
  const { uid, gid } = otherUser;
  const asOther = ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'];
  const inUserNamespace = [...asOther, 'unshare', '--user', '--map-root-user', ...options];

  it.each<[where: string, command: string[], group?: number]>([
    ['', [...namespaces, 'sh', '-c', `${mount} && exec "$@"`]],
    ['with a read-only root', [...namespaces, 'sh', '-c', `${mount} && ${readOnly} && exec "$@"`]],
    ['without root, in a user namespace', [...inUserNamespace, 'sh', '-c', `${mount} && exec "$@"`], gid],
  ])('is called, and calls its host %s', async (_where, [command = '', ...args], group) => {
    await using directory = await createSocketDirectory({ base: await freshDirectory(0o711), group });
    const { path } = directory;
    const plugin = await launch(command, [...args, path, process.execPath, ...pluginArgs('unix')], {
      ...agreed,
      autoMtls: true,
      // In its user namespace, the group of the process is 0.
      env: { PLUGIN_UNIX_SOCKET_DIR: '/mnt', PLUGIN_UNIX_SOCKET_GROUP: group === undefined ? undefined : '0' },
      translator: pathTranslator({ '/mnt': path }),
      transports: [unixTransportFactory({ directory: path, group })],
      onOutput: () => undefined,
    });
    onTestFinished(async () => {
      plugin.process?.kill('SIGKILL');
      await plugin.stop();
    });
    expect(plugin.running.endpoint).toMatch(/^unix:\/mnt\/plugin-[\w-]{12}$/);
    expect(await callBothWays(plugin)).toBe('hello world');
    expect(await plugin.stop()).toBe(0);
    expect(await readdir(path)).toEqual([]);
  });
});

describe.runIf(isRoot)('a plugin over TCP in a network namespace of its own', () => {
  /** Runs a host in a network namespace, beside that of its plugin. All of it ends with the host. */
  async function runHost(
    setUp: readonly string[],
    translation: PortTranslatorOptions,
    env: NodeJS.ProcessEnv = {},
  ): Promise<string> {
    const steps = [
      'mount -t tmpfs none /run',
      'ip link set lo up',
      'ip netns add plugin',
      'ip -n plugin link set lo up',
    ];
    const script = [...steps, ...setUp, 'exec "$@"'].join('\n');
    const namespaces = ['unshare', '--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
    const host = [process.execPath, bundled('network-host'), JSON.stringify(translation), ...pluginArgs('tcp')];
    const ending = await run([...namespaces, 'sh', '-ec', script, 'sh', ...host] as [string, ...string[]], { env });
    expect(ending).toMatchObject({ status: 0, stderr: '' });
    return ending.stdout;
  }

  it('is called where its port is published', async () => {
    const publish =
      'socat TCP-LISTEN:32768,bind=127.0.0.1,fork EXEC:"nsenter --net=/run/netns/plugin socat - TCP\\:127.0.0.1\\:50051" &';
    const printed = await runHost([publish], { ports: { 50051: 32768 } });
    expect(printed).toBe('127.0.0.1:50051\nhello\nexit code 0\n');
  });

  it('is called at an address of its own, and calls its host at the host’s', async () => {
    const [hostAt, pluginAt] = ['10.0.0.1', '10.0.0.2'];
    const link = [
      'ip link add host type veth peer name plugin netns plugin',
      `ip address add ${hostAt}/24 dev host`,
      `ip -n plugin address add ${pluginAt}/24 dev plugin`,
      'ip link set host up',
      'ip -n plugin link set plugin up',
    ];
    const printed = await runHost(link, { pluginAt, hostAt }, { LISTEN_AT: '0.0.0.0' });
    expect(printed).toMatch(/^0\.0\.0\.0:\d+\nhello world\nexit code 0\n$/);
  });
});
