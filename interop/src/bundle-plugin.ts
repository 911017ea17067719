import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { bundle, sharedDirectory } from '@rpcplugin/test-support';
import type { CommandLine } from '@rpcplugin/test-support';

/**
 * Bundles a plugin with the packages and all dependencies, for the tests of a file, in a directory that every user may
 * read. Returns the command that starts it.
 *
 * @param entry - Default: the plugin in `examples/kv`.
 */
export function bundlePlugin(entry = new URL('../../examples/kv/src/plugin.ts', import.meta.url)): CommandLine {
  const directory = sharedDirectory(0o755);
  const program = bundle(entry, join(directory, 'build/src/plugin.mjs'));
  // The code finds its proto files by relative paths.
  for (const proto of ['../../examples/framework/proto', '../../examples/kv/proto', '../proto']) {
    cpSync(new URL(proto, import.meta.url), join(directory, 'build/proto'), { recursive: true });
  }
  return [process.execPath, program];
}
