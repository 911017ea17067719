import type { ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';
import { parseHandshakeLine } from '@rpcplugin/endpoint-utils';
import type { Handshake } from '@rpcplugin/endpoint-utils';
import { durationOption } from '@rpcplugin/transport-base';
import { TransportError } from '@rpcplugin/transport-core';
import { checked } from './environment.js';
import type { HostHandshakeOptions } from './environment.js';
import { firstLine, startError } from './first-line.js';

/** Options of {@link readHandshake}: those that the plugin was launched with, and these. */
export interface ReadHandshakeOptions extends HostHandshakeOptions {
  /** Cancels a pending `readHandshake` (`ABORTED`). Has no effect once it has settled. */
  readonly signal?: AbortSignal | undefined;
  /** Time limit in milliseconds (`TIMEOUT`). `Infinity` means none. Default: 60000, as in go-plugin. */
  readonly timeoutMs?: number | undefined;
}

/**
 * Reads the handshake line of a plugin that was just spawned with `handshakeEnv(options)` in its environment, and a
 * pipe for its standard output. Resolves with what the line says, once it is what the options ask for: a version of
 * `appVersions`, gRPC, and a certificate if the host has one.
 *
 * What the plugin prints after the line stays in `plugin.stdout`. Read it, or call `plugin.stdout.resume()`, before you
 * await anything else: a plugin blocks when its output fills the pipe and nobody reads it, and when it has exited, Node
 * discards what is unread. If something reads the plugin's standard error when this is called, the error for a plugin
 * that ends shows its last lines.
 *
 * Rejects with `IO` if the plugin ends, or closes its standard output, without a line; with `TIMEOUT` or `ABORTED`;
 * with `INVALID_ARGUMENT` or `INVALID_ENDPOINT` for a line that is not a handshake line; with `UNSUPPORTED` for another
 * version or protocol, or a missing certificate; with a code such as `NOT_FOUND` or `PERMISSION_DENIED` if the plugin
 * could not be started. The caller has to end a plugin that still runs.
 */
export async function readHandshake(plugin: ChildProcess, options: ReadHandshakeOptions): Promise<Handshake> {
  if (plugin.pid === undefined) throw await startError(plugin);
  checked(options);
  const timeoutMs = durationOption('timeoutMs', options.timeoutMs, 60_000);
  const line = await firstLine(plugin, unreadStdout(plugin), { signal: options.signal, timeoutMs });
  return accept(parseHandshakeLine(line), options);
}

function unreadStdout({ stdout }: ChildProcess): Readable {
  if (stdout?.readableFlowing === null && stdout.readableEncoding === null) return stdout;
  throw new TransportError('INVALID_ARGUMENT', "the plugin's standard output is not a pipe, or is already being read", {
    hint: "Spawn it with the stdio option ['ignore', 'pipe', 'inherit'], and read its stdout only after the handshake.",
  });
}

function accept(handshake: Handshake, { appVersions, certificate }: ReadHandshakeOptions): Handshake {
  const { appVersion, protocol } = handshake;
  if (protocol !== 'grpc') {
    throw unsupported("speaks net/rpc, Go's own protocol", 'Have it serve gRPC: GRPCServer in its ServeConfig.');
  }
  if (!appVersions.includes(appVersion)) {
    throw unsupported(
      `speaks version ${appVersion} of the application's protocol; this host speaks ${appVersions.join(', ')}`,
      'Install a plugin for this version of the application.',
    );
  }
  if (certificate !== undefined && handshake.certificate === undefined) {
    throw unsupported('has no certificate', 'It cannot do AutoMTLS. Update it, or launch it without a certificate.');
  }
  return handshake;
}

function unsupported(what: string, hint: string): TransportError {
  return new TransportError('UNSUPPORTED', `the plugin ${what}`, { hint });
}
