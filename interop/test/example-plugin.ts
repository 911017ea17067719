import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { freshDirectory } from './programs.js';
import type { Command } from './programs.js';

const example = new URL('../../examples/kv/', import.meta.url);
const source = new URL('src/plugin.ts', example);

/** What runs the plugin of the example: bundled, as a loader of TypeScript would take most of its time. */
export async function examplePlugin(): Promise<Command> {
  const directory = await freshDirectory();
  const bundle = join(directory, 'plugin.mjs');
  await symlink(new URL('node_modules', example), join(directory, 'node_modules'));
  await build({
    entryPoints: [fileURLToPath(source)],
    outfile: bundle,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    conditions: ['@rpcplugin/source'],
    external: ['@grpc/*', 'grpc-health-check', 'selfsigned'],
    // It looks for the proto files beside itself.
    define: { 'import.meta.url': JSON.stringify(source.href) },
  });
  return [process.execPath, bundle];
}
