import { defineConfig } from 'tsup';

export default defineConfig({
  entry: ['src/host.ts', 'src/plugin.ts', 'src/protos.ts'],
  format: 'esm',
  target: 'node20',
  clean: true,
  // Node takes some milliseconds to find each package, which the start of a plugin need not wait for.
  noExternal: [/^@rpcplugin\//],
});
