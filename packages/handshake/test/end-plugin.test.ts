import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { isRoot, rejectionOf, run, script } from '@rpcplugin/test-support';
import { expect, it, onTestFinished } from 'vitest';
import { endPlugin } from '../src/index.js';

/** Starts a shell script, and resolves once it has printed something. */
async function shell(code: string): Promise<ChildProcess> {
  const plugin = spawn('sh', ['-c', code], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void plugin.kill('SIGKILL'));
  await once(plugin.stdout, 'data');
  return plugin;
}

const STUBBORN = `trap '' TERM; echo; while :; do sleep 0.05; done`;

it('resolves with the exit code of a plugin that exits by itself', async () => {
  expect(await endPlugin(await shell('echo; exit 7'), { graceMs: Infinity })).toBe(7);
});

it('resolves with null for a plugin that a signal ends', async () => {
  const plugin = await shell('echo; exec sleep 60');
  plugin.kill('SIGTERM');
  expect(await endPlugin(plugin, { graceMs: Infinity })).toBe(null);
  expect(plugin.signalCode).toBe('SIGTERM');
});

it('kills a plugin that does not exit within the grace period', async () => {
  const plugin = await shell(STUBBORN);
  plugin.kill('SIGTERM');
  const started = performance.now();
  expect(await endPlugin(plugin, { graceMs: 200 })).toBe(null);
  expect(performance.now() - started).toBeGreaterThan(190);
  expect(plugin.signalCode).toBe('SIGKILL');
});

it('is idempotent, and the shortest grace period counts', async () => {
  const plugin = await shell(STUBBORN);
  const all = [Infinity, 60_000, 0].map((graceMs) => endPlugin(plugin, { graceMs }));
  expect(await Promise.all(all)).toEqual([null, null, null]);
  expect(await endPlugin(plugin)).toBe(null);
  expect(plugin.listenerCount('exit')).toBe(0);
});

it('resolves at once for a plugin that never started', async () => {
  const plugin = spawn('/no/such/plugin');
  await once(plugin, 'error');
  expect(await endPlugin(plugin, { graceMs: Infinity })).toBe(null);
});

it('rejects a grace period that is none', async () => {
  const plugin = await shell('echo');
  expect(await rejectionOf(endPlugin(plugin, { graceMs: -1 }))).toMatchObject({ code: 'INVALID_ARGUMENT' });
});

it('lets a plugin write what nobody reads, so that it can exit', async () => {
  const plugin = spawn('sh', ['-c', 'head -c 1000000 /dev/zero; head -c 1000000 /dev/zero >&2; exit 3']);
  onTestFinished(() => void plugin.kill('SIGKILL'));
  expect(await endPlugin(plugin, { graceMs: Infinity })).toBe(3);
});

it.runIf(isRoot)('rejects if the plugin runs as a user that this one cannot kill, and nothing else fails', async () => {
  const code = `
    import { spawn } from 'node:child_process';
    import { endPlugin } from '../src/index.js';
    const plugin = spawn('cat');
    process.setuid(65534);
    plugin.on('error', () => undefined);
    const ended = endPlugin(plugin, { graceMs: Infinity });
    console.log(await endPlugin(plugin, { graceMs: 0 }).catch(({ code }) => code));
    plugin.stdin.end();
    console.log(await ended);
  `;
  const { status, stdout, stderr } = await run(script(import.meta.url, code));
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: 'PERMISSION_DENIED\n0\n', stderr: '' });
});
