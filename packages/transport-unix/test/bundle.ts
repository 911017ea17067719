import { chmodSync, mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { afterAll } from 'vitest';

/**
 * Bundles a program of `children/` and the sources it uses into one file that plain Node starts at once, as a process, a worker
 * thread or a cluster's worker. It is readable for every user, and removed after the tests of the file.
 */
export function bundle(name: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'rpc-bundle-'));
  chmodSync(directory, 0o755);
  afterAll(() => rm(directory, { recursive: true }));
  const outfile = join(directory, `${name}.mjs`);
  buildSync({
    entryPoints: [fileURLToPath(new URL(`children/${name}.ts`, import.meta.url))],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    conditions: ['@rpcplugin/source'],
  });
  return outfile;
}
