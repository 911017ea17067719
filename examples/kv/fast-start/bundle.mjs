// Bundles the plugin for a fast start, as docs/fast-start.md describes: `bundle.mjs [directory]`.
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import { staticProtos } from './static-protos.mjs';

const here = import.meta.dirname;
const { 2: directory = join(here, '../dist/fast-start') } = process.argv;

await build({
  entryPoints: [join(here, '../src/plugin.ts')],
  outfile: join(directory, 'plugin.mjs'),
  conditions: ['@rpcplugin/source'],
  plugins: [staticProtos],
  // grpc-js loads it for services that this plugin does not have.
  external: ['@grpc/proto-loader'],
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  // For grpc-js, which is CommonJS.
  banner: { js: `import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);` },
});
await copyFile(join(here, 'start.mjs'), join(directory, 'start.mjs'));
