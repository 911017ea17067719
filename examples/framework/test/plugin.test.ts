import { readdir } from 'node:fs/promises';
import { Server } from '@grpc/grpc-js';
import {
  anyRejectionOf,
  descriptorsSince,
  durationOf,
  freshDirectory,
  openDescriptors,
  rejectionOf,
  run,
  until,
} from '@rpcplugin/test-support';
import { describe, expect, it } from 'vitest';
import { launch, reattach } from '../src/host.js';
import { agreed } from './agreed.js';
import { addProbe, ask } from './service.js';
import { launchTestPlugin, pluginArgs, pluginFile, variants } from './support.js';

describe.each(variants)('a plugin over $over', ({ network, autoMtls }) => {
  it('answers, is healthy, and stops with nothing left', async () => {
    const directory = await freshDirectory();
    const before = openDescriptors();
    const plugin = await launchTestPlugin(network, { autoMtls, env: { XDG_RUNTIME_DIR: directory } });
    expect(plugin.running).toMatchObject({ network, appVersion: 2, protocol: 'grpc' });
    expect(plugin.running.certificate === undefined).toBe(!autoMtls);
    await plugin.ping();
    expect(await ask(plugin, 'echo hello')).toBe('hello');
    expect(await plugin.stop()).toBe(0);
    expect(await plugin.stop()).toBe(0);
    expect(await readdir(directory)).toEqual([]);
    await until(() => descriptorsSince(before).filter((target) => /^(?:socket|pipe)/.test(target)).length === 0);
  });

  it('serves and calls brokered services in both directions', async () => {
    const plugin = await launchTestPlugin(network, { autoMtls });
    for (const word of ['one', 'two', 'three']) {
      const ours = plugin.broker.nextService();
      const listener = await plugin.broker.serve(
        ours,
        addProbe(new Server(), () => word),
      );
      const theirs = await plugin.broker.dial(Number(await ask(plugin, `exchange ${ours}`)));
      expect(await ask({ connection: theirs }, 'hello')).toBe(`hello ${word}`);
      await Promise.all([theirs.close(), listener.close()]);
    }
    expect(await plugin.stop()).toBe(0);
  });

  it('sends what it prints to its host, and what its children print', async () => {
    const printed = { STDOUT: '', STDERR: '', INVALID: '' };
    const plugin = await launchTestPlugin(network, {
      autoMtls,
      onOutput: ({ channel, data }) => (printed[channel] += String(data)),
    });
    await ask(plugin, 'print héllo');
    expect(await plugin.stop()).toBe(0);
    await until(() => printed.STDOUT.includes('out of a child') && printed.STDERR.includes('err'));
    expect(printed.STDERR).toBe('before the handshake\nerr: héllo\n');
    expect(printed.STDOUT.split('\n').sort()).toEqual(['', 'out of a child', 'out: héllo']);
  });

  it('fails its calls when it dies, and stopping it then takes no time', async () => {
    const launching = launchTestPlugin(network, { autoMtls });
    const launchedMs = await durationOf(() => launching);
    const plugin = await launching;
    expect(await anyRejectionOf(ask(plugin, 'crash'))).toMatchObject({ code: 14 });
    await plugin.ended;
    const stopping = plugin.stop();
    expect(await durationOf(() => stopping)).toBeLessThan(launchedMs);
    expect(await stopping).toBe(null);
  });

  it('goes on for another host, which reattaches with what the first one wrote down', async () => {
    const first = await launchTestPlugin(network, { autoMtls });
    const written = JSON.stringify(first.running);
    const reattaching = reattach(JSON.parse(written) as typeof first.running, { onOutput: () => undefined });
    // Without an address, nobody else can reach it.
    if (network === 'stdio') {
      expect((await rejectionOf(reattaching)).code).toBe('UNSUPPORTED');
      return;
    }
    const second = await reattaching;
    await second.ping();
    expect(await ask(second, 'pid')).toBe(String(first.process?.pid));
    expect(await second.stop()).toBe(null);
    expect(await first.ended).toBe(0);
  });
});

it('plugins that do not stop are killed, on every network', async () => {
  const plugins = await Promise.all(variants.map(({ network, autoMtls }) => launchTestPlugin(network, { autoMtls })));
  for (const { process } of plugins) process?.kill('SIGSTOP');
  expect(await Promise.all(plugins.map((plugin) => plugin.stop()))).toEqual(variants.map(() => null));
  for (const { process } of plugins) expect(process?.signalCode).toBe('SIGKILL');
});

describe('versions', () => {
  it.each([
    [[1, 2, 3], '2'],
    [[1], '1'],
  ])('a plugin with %j and a host with 1 and 2 speak %s', async (versions, expected) => {
    const plugin = await launchTestPlugin('unix', {}, ...versions);
    expect(await ask(plugin, 'version')).toBe(expected);
    expect(plugin.running.appVersion).toBe(Number(expected));
  });

  it('without one in common, the host says so, and leaves no plugin', async () => {
    const directory = await freshDirectory();
    const error = await rejectionOf(launchTestPlugin('unix', { env: { XDG_RUNTIME_DIR: directory } }, 3, 4));
    expect(error).toMatchObject({ code: 'UNSUPPORTED', message: expect.stringMatching(/version 3/) as string });
    expect(await readdir(directory)).toEqual([]);
  });
});

describe('a launch that fails', () => {
  it.each<[what: string, command: string, args: string[], code: string, text: RegExp]>([
    ['a program that is missing', '/no/such/plugin', [], 'NOT_FOUND', /ENOENT/],
    ['a program that fails', 'sh', ['-c', 'echo why >&2; exit 4'], 'IO', /exited with code 4.*why/s],
    [
      'a program that is no plugin',
      'sh',
      ['-c', 'echo hello; exec sleep 60'],
      'INVALID_ARGUMENT',
      /"hello".*first line/s,
    ],
    [
      'a listener that is no gRPC server',
      'sh',
      ['-c', 'echo "1|1|unix|/no/such/socket|grpc"; exec sleep 60'],
      'NOT_FOUND',
      /socket/,
    ],
  ])('leaves nothing of %s, and says why', async (_, command, args, code, text) => {
    const before = openDescriptors();
    const error = await rejectionOf(launch(command, args, { ...agreed, onOutput: () => undefined }));
    expect(error.code).toBe(code);
    expect(`${error.message} ${error.hint ?? ''}`).toMatch(text);
    await until(() => descriptorsSince(before).filter((target) => /^(?:socket|pipe)/.test(target)).length === 0);
  });

  it('leaves nothing when it is aborted', async () => {
    const controller = new AbortController();
    const pending = rejectionOf(launchTestPlugin('unix', { signal: controller.signal }));
    controller.abort();
    expect((await pending).code).toBe('ABORTED');
  });
});

it('tells a person who starts the plugin by hand that it is one', async () => {
  const { status, stdout, stderr } = await run([process.execPath, pluginFile, 'unix', '1']);
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  expect(stderr).toMatch(/this program is a plugin, which only its host can start/);
  expect(pluginArgs('unix')).toContain(pluginFile);
});
