import { bundle } from '@rpcplugin/test-support';

/** Bundles a program from `children/` into a file that every user can read. */
export function bundleChild(name: string): string {
  return bundle(new URL(`children/${name}.ts`, import.meta.url));
}
