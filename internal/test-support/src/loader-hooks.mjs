import { execFileSync } from 'node:child_process';
import { fileURLToPath, URL } from 'node:url';
import { bundleOptions, esbuild } from './esbuild.mjs';

/** Loads a TypeScript file bundled with everything it imports. A query makes it another module, as always. */
export function load(url, context, nextLoad) {
  const { protocol, pathname } = new URL(url);
  if (protocol !== 'file:' || !pathname.endsWith('.ts')) return nextLoad(url, context);
  const source = execFileSync(esbuild, [fileURLToPath(url), ...bundleOptions], { maxBuffer: Infinity });
  return { format: 'module', source, shortCircuit: true };
}
