import { cpSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { bundle, sharedDirectory } from '@rpcplugin/test-support';
import type { CommandLine } from '@rpcplugin/test-support';

const example = new URL('../../examples/kv/', import.meta.url);

/**
 * The command of the plugin in `examples/kv`, for the tests of a file: its sources, those of the packages and all
 * dependencies in one place that every user may read.
 */
export async function bundleExamplePlugin(): Promise<CommandLine> {
  const directory = sharedDirectory(0o755);
  const program = await bundle(new URL('src/plugin.ts', example), join(directory, 'build/src/plugin.mjs'));
  // The proto files, as far from the code as they are in the example and in the package of the health service.
  const health = createRequire(new URL('package.json', example)).resolve('grpc-health-check');
  cpSync(new URL('proto', example), join(directory, 'build/proto'), { recursive: true });
  cpSync(join(dirname(health), '../../proto'), join(directory, 'proto'), { recursive: true });
  return [process.execPath, program];
}
