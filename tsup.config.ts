import { defineConfig } from 'tsup';

/** Builds a package as one ES module with declarations. All supported Node versions can `require()` an ES module. */
export default defineConfig({
  entry: ['src/index.ts'],
  format: 'esm',
  target: 'node20',
  clean: true,
  sourcemap: true,
  // By default tsup turns `node:test` into `test`, which Node does not have.
  removeNodeProtocol: false,
  // tsup sets `baseUrl` for its declaration build, which TypeScript 6 deprecates.
  dts: { compilerOptions: { ignoreDeprecations: '6.0', composite: false } },
});
