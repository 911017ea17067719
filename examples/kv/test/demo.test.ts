import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';

const demo = fileURLToPath(new URL('../src/demo.ts', import.meta.url));

// Where the plugin puts its private directory.
let runtimeDirectory: string;

beforeEach(async () => {
  runtimeDirectory = await mkdtemp(join(tmpdir(), 'kv-demo-'));
});

afterEach(async () => {
  await rm(runtimeDirectory, { recursive: true });
});

interface Run {
  readonly child: ChildProcess;
  /** What it has printed so far, on both outputs. */
  readonly output: () => string;
  /** Resolves once it has printed something that matches, with the match. */
  readonly printed: (pattern: RegExp) => Promise<RegExpExecArray>;
  readonly exitCode: Promise<number | null>;
}

/** The demo from its sources, in a process group of its own, as a terminal starts a command. */
function run(): Run {
  const args = ['--conditions=@rpcplugin/source', '--import', 'tsx', demo];
  const env = { ...process.env, XDG_RUNTIME_DIR: runtimeDirectory };
  const child = spawn(process.execPath, args, { detached: true, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
  }
  return {
    child,
    output: () => text,
    printed: async (pattern) => {
      for (;;) {
        const match = pattern.exec(text);
        if (match !== null) return match;
        await once(child.stdout, 'data');
      }
    },
    exitCode: once(child, 'close').then(([code]) => code as number | null),
  };
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
  const { exitCode, output } = run();
  expect(await exitCode, output()).toBe(0);
  const [, unix = '', tcp = ''] = output().split(/^(?:unix|tcp)$/m);
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
  const { child, exitCode, output, printed } = run();
  const [, pid] = await printed(/process +(\d+)/);
  await printed(/endpoint +unix:/);
  expect(await readdir(runtimeDirectory)).toHaveLength(1);
  process.kill(-(child.pid ?? NaN), 'SIGINT');
  expect(await exitCode, output()).toBe(130);
  expect(output()).toContain('interrupted by SIGINT');
  expect(isAlive(Number(pid))).toBe(false);
  expect(await readdir(runtimeDirectory)).toEqual([]);
});

it('leaves no process and no file when only the host is told to stop', async () => {
  const { child, exitCode, output, printed } = run();
  const [, pid] = await printed(/process +(\d+)/);
  await printed(/endpoint +unix:/);
  expect(await readdir(runtimeDirectory)).toHaveLength(1);
  child.kill('SIGTERM');
  expect(await exitCode, output()).toBe(130);
  expect(isAlive(Number(pid))).toBe(false);
  expect(await readdir(runtimeDirectory)).toEqual([]);
});

it('reports a plugin that is killed in the middle of the calls, and exits with 1', async () => {
  const { exitCode, output, printed } = run();
  const [, pid] = await printed(/process +(\d+)/);
  await printed(/endpoint +unix:/);
  process.kill(Number(pid), 'SIGKILL');
  expect(await exitCode, output()).toBe(1);
  expect(output()).toMatch(/shutdown +exit code none/);
});
