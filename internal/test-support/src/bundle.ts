import { fileURLToPath } from 'node:url';

/** The globals that CommonJS dependencies expect. */
const BANNER = `
import { createRequire as createRequireOfBundle } from 'node:module';
const require = createRequireOfBundle(import.meta.url);
const __dirname = import.meta.dirname;`;

/**
 * Bundles a program and everything it imports into one module, with the workspace's packages from their sources. Node
 * starts it at once, while a TypeScript loader takes a second and opens files in threads of its own.
 */
export async function bundle(entry: URL, outfile: string): Promise<string> {
  const { buildSync } = await import('esbuild');
  buildSync({
    entryPoints: [fileURLToPath(entry)],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    conditions: ['@rpcplugin/source'],
    banner: { js: BANNER },
  });
  return outfile;
}
