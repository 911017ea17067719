import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { freshDirectory, run, spawnProgram } from '@rpcplugin/test-support';
import { expect, it, onTestFinished } from 'vitest';
import { reattach } from '../src/host.js';
import type { RunningPlugin } from '../src/host.js';
import { ask } from './service.js';
import { bundled, pluginArgs } from './support.js';

it.each(['unix', 'tcp'])('a worker thread hosts a plugin over %s, and ends by itself', async (network) => {
  const directory = await freshDirectory();
  const command = [process.execPath, bundled('worker-host'), ...pluginArgs(network)] as const;
  const ending = await run(command, { env: { XDG_RUNTIME_DIR: directory } });
  expect(ending).toEqual({
    status: 0,
    stdout: 'from a worker thread\nexit code 0\n',
    stderr: 'before the handshake\n',
  });
  expect(await readdir(directory)).toEqual([]);
});

it.each(['unix', 'tcp'])(
  'a plugin over %s outlives a host that is killed, for a host that reattaches',
  async (network) => {
    const env = { XDG_RUNTIME_DIR: await freshDirectory() };
    const host = spawnProgram([process.execPath, bundled('killed-host'), ...pluginArgs(network)], { env });
    const [line] = (await once(createInterface({ input: host.stdout }), 'line')) as [string];
    const { pid, running } = JSON.parse(line) as { pid: number; running: RunningPlugin };
    host.kill('SIGKILL');
    await once(host, 'exit');

    const printed = { STDOUT: '', STDERR: '', INVALID: '' };
    const plugin = await reattach(running, { onOutput: ({ channel, data }) => (printed[channel] += String(data)) });
    onTestFinished(async () => {
      await plugin.stop();
    });
    expect(await ask(plugin, 'pid')).toBe(String(pid));
    // The pipes of the first host are gone.
    await ask(plugin, 'print to the second host').catch(() => undefined);
    expect(await ask(plugin, 'echo still here')).toBe('still here');
    await plugin.stop();
    expect(printed.STDOUT).toBe('out: to the second host\n');
  },
);
