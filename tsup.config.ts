import { defineConfig } from 'tsup';

/** Every package is built alike: one ES module and its declarations. `require()` loads ES modules on the Node versions supported. */
export default defineConfig({
  entry: ['src/index.ts'],
  format: 'esm',
  target: 'node20',
  clean: true,
  sourcemap: true,
  // By default it makes `test` of `node:test`, which is no module of Node's.
  removeNodeProtocol: false,
  // tsup sets `baseUrl` for its declaration build, which TypeScript 6 deprecates.
  dts: { compilerOptions: { ignoreDeprecations: '6.0', composite: false } },
});
