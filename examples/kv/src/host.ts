import { launch } from '@rpcplugin/example-framework/host';
import type { LaunchOptions, Plugin } from '@rpcplugin/example-framework/host';
import { agreed } from './agreed.js';

export type { Plugin } from '@rpcplugin/example-framework/host';

/** Launches the key-value plugin, or another that agrees on the same. If that fails, no process is left. */
export function launchPlugin(
  command: string,
  args: readonly string[],
  options: Omit<LaunchOptions, keyof typeof agreed>,
): Promise<Plugin> {
  return launch(command, args, { ...agreed, ...options });
}
