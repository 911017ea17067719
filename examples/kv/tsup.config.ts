import { defineConfig } from 'tsup';

export default defineConfig({
  entry: ['src/demo.ts', 'src/agreed.ts', 'src/plugin.ts', 'src/host.ts', 'src/protos.ts', 'src/store.ts'],
  format: 'esm',
  target: 'node20',
  clean: true,
  // Node takes some milliseconds to find each package, which the start of a plugin need not wait for. The framework
  // finds its proto files by relative paths.
  noExternal: [/^@rpcplugin\/(?!example-)/],
});
