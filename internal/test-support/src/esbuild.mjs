// JavaScript, because loader-hooks.mjs uses it before anything can load TypeScript.
import { createRequire } from 'node:module';

/** The program. Its JavaScript API would leave a thread and a socket in the process that uses it. */
export const esbuild = createRequire(import.meta.url).resolve('esbuild/bin/esbuild');

/** The globals that CommonJS dependencies expect. */
const BANNER = `
import { createRequire as createRequireOfBundle } from 'node:module';
const require = createRequireOfBundle(import.meta.url);
const __dirname = import.meta.dirname;`;

/** Options to bundle a program with everything it imports, the packages of the workspace from their sources. */
export const bundleOptions = [
  ...['--bundle', '--platform=node', '--format=esm', '--target=node20'],
  ...['--conditions=@rpcplugin/source', `--banner:js=${BANNER}`, '--log-level=warning'],
];
