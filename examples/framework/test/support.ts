import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { bundle, freshDirectory, sharedDirectory } from '@rpcplugin/test-support';
import { onTestFinished } from 'vitest';
import { launch } from '../src/host.js';
import type { LaunchOptions, Plugin } from '../src/host.js';
import { agreed } from './agreed.js';

/** Bundles a program of the tests, with the proto files that it finds by relative paths, once per test file. */
// Also for plugins that run as another user.
const directory = sharedDirectory(0o755);
cpSync(new URL('../proto', import.meta.url), join(directory, 'proto'), { recursive: true });
export function bundled(name: string): string {
  return bundle(new URL(`children/${name}.ts`, import.meta.url), join(directory, `build/${name}.mjs`));
}

export const pluginFile = bundled('plugin');

export const variants = [
  { over: 'unix', network: 'unix', autoMtls: false },
  { over: 'unix, AutoMTLS', network: 'unix', autoMtls: true },
  { over: 'TCP', network: 'tcp', autoMtls: false },
  { over: 'TCP, AutoMTLS', network: 'tcp', autoMtls: true },
  { over: 'descriptor 3', network: 'stdio', autoMtls: false },
  { over: 'descriptor 3, AutoMTLS', network: 'stdio', autoMtls: true },
];

/** The arguments of Node for a plugin on a network that speaks these versions. */
export function pluginArgs(network: string, ...versions: number[]): string[] {
  return [pluginFile, network, ...(versions.length === 0 ? agreed.appVersions : versions).map(String)];
}

/** Launches the tests' plugin, with its sockets in a fresh directory. It is killed after the test. */
export async function launchTestPlugin(
  network: string,
  options: Partial<LaunchOptions> = {},
  ...versions: number[]
): Promise<Plugin> {
  const env = { XDG_RUNTIME_DIR: await freshDirectory(), ...options.env };
  const all = { ...agreed, onOutput: () => undefined, ...options, env };
  const plugin = await launch(process.execPath, pluginArgs(network, ...versions), all);
  onTestFinished(async () => {
    plugin.process?.kill('SIGKILL');
    await plugin.stop();
  });
  return plugin;
}
