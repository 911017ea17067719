import { join } from 'node:path';
import { bundle, sharedDirectory } from '@rpcplugin/test-support';

/** Bundles a program from `children/` into a file that every user can read. */
export function bundleChild(name: string): Promise<string> {
  return bundle(new URL(`children/${name}.ts`, import.meta.url), join(sharedDirectory(0o755), `${name}.mjs`));
}
