import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { readdirSync, readlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** Resolves once the condition holds; rejects if it does not within `timeoutMs`. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  { timeoutMs = 10_000 }: { timeoutMs?: number } = {},
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${condition.toString()}`);
    await sleep(1);
  }
}

/** Lets `turns` turns of the event loop pass, in each of which there may be I/O. */
export async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}

export async function freshDirectory(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'contract-'));
}

export async function removeDirectory(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
}

/** Everything in a directory and below it. */
export async function entries(directory: string): Promise<string[]> {
  return (await readdir(directory, { recursive: true })).sort();
}

/**
 * What this process's descriptors refer to, where `/proc` tells. A socket has its inode in its name and an address is never used
 * twice at a time, so what a snapshot holds and an earlier one does not was opened since.
 */
export function openDescriptors(): Set<string> {
  if (process.platform !== 'linux') return new Set();
  const targets = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      // That of the listing itself.
      return '';
    }
  });
  return new Set(targets.filter((target) => target !== ''));
}

/** What this process has opened since that snapshot, and not closed. */
export function descriptorsSince(before: ReadonlySet<string>): string[] {
  return [...openDescriptors()].filter((descriptor) => !before.has(descriptor));
}

/** What `await promise` throws. Rejects if it does not throw. */
export async function rejectionOf(promise: Promise<unknown>): Promise<unknown> {
  let value: unknown;
  try {
    value = await promise;
  } catch (error) {
    return error;
  }
  throw new Error(`resolved with ${String(value)}`);
}

export interface Child {
  readonly process: ChildProcess;
  /** The first line of its output. */
  readonly line: Promise<string>;
  /** How it ended: its exit code or the signal, and all of its output. */
  readonly exited: Promise<{ status: number | string; stdout: string; stderr: string }>;
}

/** Runs a TypeScript file of this folder in a process of its own, against the sources of the packages. */
export function startChild(file: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Child {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const child = spawn(process.execPath, ['--conditions=@rpcplugin/source', '--import', 'tsx', path, ...args], {
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk;
  });
  const line = new Promise<string>((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      stdout += chunk;
      const end = stdout.indexOf('\n');
      if (end >= 0) resolve(stdout.slice(0, end));
    });
    child.on('close', () => {
      reject(new Error(`the child wrote no line: ${stdout}${stderr}`));
    });
  });
  // Not everybody waits for one.
  line.catch(() => undefined);
  const exited = once(child, 'close').then(([code, signal]: (number | string | null)[]) => ({
    status: code ?? signal ?? 'unknown',
    stdout,
    stderr,
  }));
  return { process: child, line, exited };
}
