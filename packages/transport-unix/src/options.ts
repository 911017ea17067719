import { resolve } from 'node:path';
import { isValidUnixEndpoint } from '@rpcplugin/endpoint-utils';
import { assertSocketPathFits, integerOption, invalidOption, typeOption } from '@rpcplugin/transport-base';
import type { SocketTransportOptions } from '@rpcplugin/transport-base';
import { TransportError } from '@rpcplugin/transport-core';

/** Options of `UnixSocketTransport`. */
export interface UnixSocketTransportOptions extends SocketTransportOptions {
  /**
   * Where to listen: a path, not an endpoint with a scheme. A relative path is resolved when listening. At most 107
   * bytes on Linux, 103 on macOS. Missing parent directories are created with mode 0700. Cannot be combined with
   * `directory`.
   */
  path?: string | undefined;
  /**
   * A directory to listen in, under an unguessable name directly inside it, as in go-plugin. A missing directory is
   * created with mode 0700. Default, if `path` is not given either: a private directory of this process.
   */
  directory?: string | undefined;
  /** The permission bits of the socket file, from 0 to 0o777. Connecting needs the write bit. Default: 0o660. */
  mode?: number | undefined;
  /** The group of the socket file, by name or number. Default: the group that the system gives a new file. */
  group?: string | number | undefined;
}

/** The options that only this package has, validated. */
export interface SocketPlacement {
  readonly path: string | undefined;
  readonly directory: string | undefined;
  readonly mode: number;
  readonly group: string | number | undefined;
}

/**
 * Validates the options that only this package has.
 *
 * @throws TransportError `INVALID_ARGUMENT`, or `PATH_TOO_LONG` for a path.
 */
export function socketPlacement({ path, directory, mode, group }: UnixSocketTransportOptions): SocketPlacement {
  if (path !== undefined && directory !== undefined) {
    throw new TransportError('INVALID_ARGUMENT', 'path and directory cannot both be given', {
      hint: 'Give either path or directory.',
    });
  }
  checkPath('path', path);
  if (path !== undefined) assertSocketPathFits(resolve(path), `unix:${resolve(path)}`);
  // Validated with a name in it, as the path of a socket.
  checkPath('directory', directory, '/s');
  integerOption('mode', mode, 0, 0o777);
  checkGroup(group);
  return { path, directory, mode: mode ?? 0o660, group };
}

function checkPath(name: string, given: string | undefined, socket = ''): void {
  typeOption(name, given, 'string');
  if (given === undefined) return;
  // The option is a path, not an endpoint. A file called `unix:…` would be a mistake.
  if (given === '' || given.startsWith('unix:') || !isValidUnixEndpoint(`unix:${given}${socket}`)) {
    throw invalidOption(name, given, 'Give a path such as /run/plugin.sock, without a scheme or control characters.');
  }
}

function checkGroup(group: string | number | undefined): void {
  if (typeof group === 'number') integerOption('group', group, 0, 2 ** 32 - 2);
  else typeOption('group', group, 'string');
  if (group === '') throw invalidOption('group', group, 'Give the name or number of a group, or leave it out.');
}

/**
 * Reads the options that a go-plugin host passes in the environment: `PLUGIN_UNIX_SOCKET_DIR`, the directory to listen
 * in, and `PLUGIN_UNIX_SOCKET_GROUP`, the group that may connect, by name or number. An empty variable counts as unset.
 *
 * @param env - Default: `process.env`.
 */
export function unixOptionsFromEnv(env: NodeJS.ProcessEnv = process.env): UnixSocketTransportOptions {
  const { PLUGIN_UNIX_SOCKET_DIR: directory = '', PLUGIN_UNIX_SOCKET_GROUP: group = '' } = env;
  return {
    ...(directory !== '' && { directory }),
    // Like go-plugin, which first tries to read it as a number.
    ...(group !== '' && { group: /^\d+$/.test(group) ? Number(group) : group }),
  };
}
