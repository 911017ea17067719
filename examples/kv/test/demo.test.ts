import { readdir } from 'node:fs/promises';
import { freshDirectory, startProgram, typescript } from '@rpcplugin/test-support';
import type { Program } from '@rpcplugin/test-support';
import { beforeEach, expect, it } from 'vitest';

// Where the plugin puts its private directory.
let runtimeDirectory: string;

beforeEach(async () => {
  runtimeDirectory = await freshDirectory();
});

/** The demo from its sources, in a process group of its own, as a terminal starts a command. */
function startDemo(): Program {
  const command = typescript(new URL('../src/demo.ts', import.meta.url));
  return startProgram(command, { env: { XDG_RUNTIME_DIR: runtimeDirectory } });
}

/** The demo amid its calls over a unix socket, and the process id of its plugin. */
async function startCalling(): Promise<{ demo: Program; pid: number }> {
  const demo = startDemo();
  const [, pid] = await demo.printed(/process +(\d+)/);
  await demo.printed(/endpoint +unix:/);
  expect(await readdir(runtimeDirectory)).toHaveLength(1);
  return { demo, pid: Number(pid) };
}

/** The exit code of the demo, which is shown with its output if it is another. */
async function expectExit(demo: Program, code: number): Promise<void> {
  expect((await demo.ended).status, demo.output).toBe(code);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

it('runs the plugin over both networks, shows what happens, and exits with 0', async () => {
  const demo = startDemo();
  await expectExit(demo, 0);
  const [, unix = '', tcp = ''] = demo.output.split(/^(?:unix|tcp)$/m);
  for (const part of [unix, tcp]) {
    expect(part).toMatch(/process +\d+/);
    expect(part).toMatch(/calls +4000 in \d+ ms, \d+ per second/);
    expect(part).toMatch(/shutdown +exit code 0/);
  }
  expect(unix).toMatch(/handshake +1\|1\|unix\|\/.+\|grpc\n +endpoint +unix:\//);
  expect(unix).toMatch(/socket file +gone/);
  expect(tcp).toMatch(/handshake +1\|1\|tcp\|127\.0\.0\.1:\d+\|grpc\n +endpoint +127\.0\.0\.1:/);
});

it('leaves no process and no file when it is interrupted by Ctrl-C in the middle of the calls', async () => {
  const { demo, pid } = await startCalling();
  process.kill(-(demo.process.pid ?? NaN), 'SIGINT');
  await expectExit(demo, 130);
  expect(demo.output).toContain('interrupted by SIGINT');
  expect(isAlive(pid)).toBe(false);
  expect(await readdir(runtimeDirectory)).toEqual([]);
});

it('leaves no process and no file when only the host is told to stop', async () => {
  const { demo, pid } = await startCalling();
  demo.process.kill('SIGTERM');
  await expectExit(demo, 130);
  expect(isAlive(pid)).toBe(false);
  expect(await readdir(runtimeDirectory)).toEqual([]);
});

it('reports a plugin that is killed in the middle of the calls, and exits with 1', async () => {
  const { demo, pid } = await startCalling();
  process.kill(pid, 'SIGKILL');
  await expectExit(demo, 1);
  expect(demo.output).toMatch(/shutdown +exit code none/);
});
