import { run } from '@rpcplugin/test-support';
import { expect, it } from 'vitest';
import { command } from './support.js';

/** Runs `rpc-endpoint` in a process that looks like one on Windows. */
function onWindows(...args: string[]): ReturnType<typeof run> {
  const [node, ...program] = command(...args);
  const pretend = "Object.defineProperty(process, 'platform', { value: 'win32' });";
  return run([node, '--import', `data:text/javascript,${encodeURIComponent(pretend)}`, ...program]);
}

it('probe says at once that Windows has no unix sockets', async () => {
  const { status, stdout, stderr } = await onWindows('probe', 'unix:/run/p.sock');
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  expect(stderr).toMatch(/^rpc-endpoint: Windows has no unix sockets.*\n.*TCP/);
});

it('explain names no limit for a path', async () => {
  const { stdout } = await onWindows(`unix:/${'x'.repeat(200)}`);
  expect(stdout).toMatch(/^path {9}\/x+ \(201 bytes\)$/m);
  expect(stdout).not.toContain('problem');
});

it('explain has no limit for a path in JSON', async () => {
  const { stdout } = await onWindows('--json', 'unix:/run/p.sock');
  const result = JSON.parse(stdout) as object;
  expect(result).toMatchObject({ pathBytes: 11 });
  expect(result).not.toHaveProperty('pathLimitBytes');
});
