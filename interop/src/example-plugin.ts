import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { afterAll } from 'vitest';

const example = fileURLToPath(new URL('../../examples/kv/', import.meta.url));
let bundles = 0;

/**
 * The command of the plugin in `examples/kv`, for the tests of a file: bundled from its sources and those of the packages, since with a
 * loader of TypeScript every start would take a second more.
 */
export function bundleExamplePlugin(): string[] {
  // Beside what the example's own build makes: there it finds its proto files and dependencies.
  const outfile = `${example}dist/interop-${process.pid}-${bundles++}.mjs`;
  afterAll(() => {
    rmSync(outfile);
  });
  buildSync({
    entryPoints: [`${example}src/plugin.ts`],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    conditions: ['@rpcplugin/source'],
    external: ['@grpc/*', 'grpc-health-check', 'selfsigned'],
  });
  return [process.execPath, outfile];
}
