import { cpSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { bundle, sharedDirectory } from '@rpcplugin/test-support';
import type { CommandLine } from '@rpcplugin/test-support';

const example = new URL('../../examples/kv/', import.meta.url);

/**
 * Bundles the plugin in `examples/kv` with the packages and all dependencies, for the tests of a file, in a directory
 * that every user may read. Resolves with the command that starts it.
 */
export async function bundleExamplePlugin(): Promise<CommandLine> {
  const directory = sharedDirectory(0o755);
  const program = await bundle(new URL('src/plugin.ts', example), join(directory, 'build/src/plugin.mjs'));
  // The code finds its proto files by relative paths: ../proto in the example, ../../proto in the health service.
  const health = createRequire(new URL('package.json', example)).resolve('grpc-health-check');
  cpSync(new URL('proto', example), join(directory, 'build/proto'), { recursive: true });
  cpSync(join(dirname(health), '../../proto'), join(directory, 'proto'), { recursive: true });
  return [process.execPath, program];
}
