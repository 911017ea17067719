import { fileURLToPath } from 'node:url';
import { run, startControlled } from '@rpcplugin/test-support';
import type { ProgramOptions } from '@rpcplugin/test-support';
import { afterAll } from 'vitest';
import { bundleChild } from './bundle.js';
import type { Command, Reply } from './children/controlled.js';
import type { TransportChild } from './support.js';

/** A program with a transport, which needs no other file. */
export const program = bundleChild('controlled');

export interface ConfinedOptions extends ProgramOptions {
  readonly nodeOptions?: readonly string[];
  /** Another copy of the program. */
  readonly program?: string;
}

/**
 * Starts a child process with a transport by way of a program that confines it, such as `unshare`.
 *
 * @param wrapper - The program and its arguments.
 */
export function startConfined(
  wrapper: readonly string[],
  { nodeOptions = [], program: copy = program, ...options }: ConfinedOptions = {},
): Promise<TransportChild> {
  // Runs the rest, even if there is no wrapper.
  return startControlled<Command, Reply>(['env', ...wrapper, process.execPath, ...nodeOptions, copy], options);
}

/**
 * A wrapper under which system calls fail.
 *
 * @param calls - Such as `link,linkat`.
 * @param error - Such as `EPERM`, or `EPERM:when=2+` for all but the first call.
 * @param path - Makes only calls fail that name this path or a descriptor of it.
 */
export function failing(calls: string, error: string, path?: string): string[] {
  const only = path === undefined ? [] : ['-P', path];
  return ['strace', '-fqqo/dev/null', ...only, `-etrace=${calls}`, `-einject=${calls}:error=${error}`];
}

/** A wrapper without `/proc`. Needs root. */
export const withoutProc = ['unshare', '-m', 'sh', '-c', 'mount -t tmpfs none /proc; exec "$@"', 'sh'];

/** A wrapper under which files cannot be moved or linked to other directories. */
export const withoutRefer = ['python3', fileURLToPath(new URL('children/landlock.py', import.meta.url))] as const;

/** Whether the kernel has Landlock. */
export async function hasLandlock(): Promise<boolean> {
  const { status } = await run([...withoutRefer, 'true'], { whenOver: afterAll });
  return status === 0;
}
