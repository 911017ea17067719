import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
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
  onSuccess: async () => {
    await promisify(execFile)(process.execPath, ['../../scripts/declarations.mjs']);
  },
});
