import { cpSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { bundle, sharedDirectory } from '@rpcplugin/test-support';
import type { CommandLine } from '@rpcplugin/test-support';

const example = new URL('../../examples/kv/', import.meta.url);

/**
 * Bundles a plugin with the packages and all dependencies, for the tests of a file, in a directory that every user may
 * read. Returns the command that starts it.
 *
 * @param entry - Default: the plugin in `examples/kv`.
 */
export function bundlePlugin(entry = new URL('src/plugin.ts', example)): CommandLine {
  const directory = sharedDirectory(0o755);
  const program = bundle(entry, join(directory, 'build/src/plugin.mjs'));
  // The code finds its proto files by relative paths: ../proto here and in the example, ../../proto in the health
  // service.
  const health = createRequire(new URL('package.json', example)).resolve('grpc-health-check');
  for (const proto of [new URL('proto', example), new URL('../proto', import.meta.url)]) {
    cpSync(proto, join(directory, 'build/proto'), { recursive: true });
  }
  cpSync(join(dirname(health), '../../proto'), join(directory, 'proto'), { recursive: true });
  return [process.execPath, program];
}
