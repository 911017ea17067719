import type { ChildProcess } from 'node:child_process';
import { quote } from '@rpcplugin/printable';
import { assertOptions, durationOption, startTimer, toTransportError } from '@rpcplugin/transport-base';

/** Options of {@link endPlugin}. */
export interface EndPluginOptions {
  /** How long the plugin may take to exit by itself, in milliseconds. `Infinity` means no limit. Default: 2000. */
  readonly graceMs?: number | undefined;
}

/**
 * Waits until a plugin that was asked to stop has exited, and kills it (SIGKILL) after `graceMs`, as a go-plugin host
 * does after 2 s. Resolves with its exit code, or with `null` if a signal ended it or it never started. Idempotent.
 * Discards standard output and error that nothing reads: otherwise, a plugin could block while it writes, and never
 * exit.
 *
 * The process is one that Node has not yet reaped, so its number cannot be another's.
 *
 * Rejects with `INVALID_ARGUMENT` for options that cannot be used, and with `PERMISSION_DENIED` if the plugin runs as
 * another user that this one cannot kill.
 */
export async function endPlugin(plugin: ChildProcess, options: EndPluginOptions = {}): Promise<number | null> {
  assertOptions(options);
  const graceMs = durationOption('graceMs', options.graceMs, 2000);
  if (plugin.pid === undefined) return null;
  if (plugin.exitCode === null && plugin.signalCode === null) {
    for (const output of [plugin.stdout, plugin.stderr]) if (output?.readableFlowing === null) output.resume();
    await new Promise<void>((resolve, reject) => {
      const fail = (error: Error): void => {
        plugin.off('exit', onExit);
        reject(toTransportError(error, `kill ${quote(plugin.spawnfile)}`));
      };
      const timer = startTimer(graceMs, () => {
        // `kill` emits its error before it returns. Errors of other signals are not ours.
        plugin.once('error', fail);
        plugin.kill('SIGKILL');
        plugin.off('error', fail);
      });
      const onExit = (): void => {
        timer.cancel();
        resolve();
      };
      plugin.once('exit', onExit);
    });
  }
  return plugin.exitCode;
}
