import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { existsSync, renameSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inject } from 'vitest';
import type { CommandLine } from './command-line.js';
import { bundleOptions, esbuild } from './esbuild.mjs';

/**
 * Bundles a program and everything it imports into one module, with the workspace's packages from their sources. Node
 * starts it at once, while a TypeScript loader takes half a second of processor time and opens files in threads of its
 * own. The program cannot find other files by `import.meta.url`.
 *
 * @param outfile - Default: a file that every user can read, and that all tests of the run share.
 */
export function bundle(entry: URL, outfile?: string): string {
  const file = fileURLToPath(entry);
  return build([file], outfile ?? sharedFile(basename(file, extname(file)), file));
}

/** The command line that runs a TypeScript file, bundled as by {@link bundle}. */
export function typescript(file: URL, ...args: string[]): CommandLine {
  return [process.execPath, bundle(file), ...args];
}

/**
 * The command line that runs source text as if it were a file next to the test.
 *
 * @param test - The URL of the test.
 */
export function script(test: string, code: string, ...args: string[]): CommandLine {
  const cwd = dirname(fileURLToPath(test));
  const file = build(['--loader=ts'], sharedFile('script', cwd + code), { cwd, input: code });
  return [process.execPath, file, ...args];
}

function sharedFile(name: string, identity: string): string {
  const hash = createHash('sha256').update(identity).digest('hex').slice(0, 12);
  return join(inject('programs'), `${name}-${hash}.mjs`);
}

function build(input: readonly string[], outfile: string, options?: { cwd: string; input: string }): string {
  if (existsSync(outfile)) return outfile;
  const unfinished = `${outfile}.${process.pid}`;
  execFileSync(esbuild, [...input, ...bundleOptions, `--outfile=${unfinished}`], options);
  // Another test file may bundle the same program at the same time.
  renameSync(unfinished, outfile);
  return outfile;
}
