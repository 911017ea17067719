import { cpSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { bundle, freshDirectory, sharedDirectory, startProgram } from '@rpcplugin/test-support';
import type { Program } from '@rpcplugin/test-support';
import { beforeEach, expect, it } from 'vitest';

/** The demo and its plugin, bundled from their sources, with the files that they look for. */
const build = join(sharedDirectory(), 'build');
for (const name of ['demo', 'plugin']) {
  bundle(new URL(`../src/${name}.ts`, import.meta.url), join(build, `src/${name}.mjs`));
}
for (const example of ['kv', 'framework']) {
  cpSync(new URL(`../../${example}/proto`, import.meta.url), join(build, 'proto'), { recursive: true });
}

// The parent of the plugin's private directory.
let runtimeDirectory: string;

beforeEach(async () => {
  runtimeDirectory = await freshDirectory();
});

/** Starts the demo in its own process group, as a terminal does. */
function startDemo(): Program {
  return startProgram([process.execPath, join(build, 'src/demo.mjs')], { env: { XDG_RUNTIME_DIR: runtimeDirectory } });
}

/** Starts the demo and waits until it calls its plugin over a unix socket. Resolves with the plugin's process ID. */
async function startCalling(): Promise<{ demo: Program; pid: number }> {
  const demo = startDemo();
  const [, pid] = await demo.printed(/process +(\d+)/);
  await demo.printed(/endpoint +unix:/);
  expect(await readdir(runtimeDirectory)).toHaveLength(1);
  return { demo, pid: Number(pid) };
}

/** Checks the exit code of the demo. A failure shows the demo's output. */
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
    expect(part).toMatch(/calls +2000 in \d+ ms, \d+ per second/);
    expect(part).toMatch(/shutdown +exit code 0/);
  }
  expect(unix).toMatch(/handshake +1\|1\|unix\|\/.+\|grpc\n +endpoint +unix:\//);
  expect(unix).toMatch(/socket file +gone/);
  expect(tcp).toMatch(/handshake +1\|1\|tcp\|127\.0\.0\.1:\d+\|grpc\n +endpoint +127\.0\.0\.1:/);
});

it('leaves no process and no file when Ctrl-C interrupts its calls', async () => {
  const { demo, pid } = await startCalling();
  process.kill(-(demo.process.pid ?? NaN), 'SIGINT');
  await expectExit(demo, 130);
  expect(demo.output).toContain('interrupted by SIGINT');
  expect(isAlive(pid)).toBe(false);
  expect(await readdir(runtimeDirectory)).toEqual([]);
});

it('leaves no process and no file when only the host gets SIGTERM', async () => {
  const { demo, pid } = await startCalling();
  demo.process.kill('SIGTERM');
  await expectExit(demo, 130);
  expect(isAlive(pid)).toBe(false);
  expect(await readdir(runtimeDirectory)).toEqual([]);
});

it('reports a plugin that is killed during the calls, and exits with 1', async () => {
  const { demo, pid } = await startCalling();
  process.kill(pid, 'SIGKILL');
  await expectExit(demo, 1);
  expect(demo.output).toMatch(/shutdown +exit code none/);
});
