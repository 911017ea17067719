import { chmodSync, cpSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { afterAll } from 'vitest';

const example = fileURLToPath(new URL('../../examples/kv/', import.meta.url));

// What its CommonJS dependencies expect to be there.
const BANNER = `
import { createRequire } from 'node:module';
const require = createRequire(import.meta.url);
const __dirname = import.meta.dirname;`;

/**
 * The command of the plugin in `examples/kv`, for the tests of a file: its sources, those of the packages and all dependencies in one
 * place that every user may read. With a loader of TypeScript every start would take a second more.
 */
export function bundleExamplePlugin(): string[] {
  const directory = mkdtempSync(join(tmpdir(), 'interop-plugin-'));
  afterAll(() => {
    rmSync(directory, { recursive: true });
  });
  chmodSync(directory, 0o755);
  const outfile = join(directory, 'build/src/plugin.mjs');
  buildSync({
    entryPoints: [join(example, 'src/plugin.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    conditions: ['@rpcplugin/source'],
    banner: { js: BANNER },
  });
  // The proto files, as far from the code as they are in the example and in the package of the health service.
  const health = createRequire(join(example, 'package.json')).resolve('grpc-health-check');
  cpSync(join(example, 'proto'), join(directory, 'build/proto'), { recursive: true });
  cpSync(join(dirname(health), '../../proto'), join(directory, 'proto'), { recursive: true });
  return [process.execPath, outfile];
}
