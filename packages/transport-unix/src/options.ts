import { resolve } from 'node:path';
import { isValidUnixEndpoint } from '@rpcplugin/endpoint-utils';
import {
  assertSocketPathFits,
  integerOption,
  invalidOption,
  TransportError,
  typeOption,
} from '@rpcplugin/transport-core';
import type { SocketTransportOptions } from '@rpcplugin/transport-core';

export interface UnixSocketTransportOptions extends SocketTransportOptions {
  /**
   * Where to listen: a path, made absolute when listening, not an endpoint with a scheme. At most 107 bytes on Linux, 103 on
   * macOS. Missing parent directories are made, mode 0700. Not together with `directory`.
   */
  path?: string | undefined;
  /**
   * A directory to listen in, under an unguessable name directly inside it, as go-plugin does. It is made, mode 0700, if it
   * is missing. Default, without `path` either: a private directory of this process.
   */
  directory?: string | undefined;
  /** The permission bits of the socket file, from 0 to 0o777; connecting needs the write bit. Default: 0o660. */
  mode?: number | undefined;
  /** The group of the socket file, by name or number. Default: whatever the system gives a new file. */
  group?: string | number | undefined;
}

/** The options that are this package's own, checked. */
export interface SocketPlacement {
  readonly path: string | undefined;
  readonly directory: string | undefined;
  readonly mode: number;
  readonly group: string | number | undefined;
}

/** @throws TransportError `INVALID_ARGUMENT`, or `PATH_TOO_LONG` for a path. */
export function socketPlacement({ path, directory, mode, group }: UnixSocketTransportOptions): SocketPlacement {
  if (path !== undefined && directory !== undefined) {
    throw new TransportError('INVALID_ARGUMENT', 'path and directory can not both be given', {
      hint: 'Give the path or the directory.',
    });
  }
  checkPath('path', path);
  if (path !== undefined) assertSocketPathFits(resolve(path));
  // A directory is one that a socket can be in.
  checkPath('directory', directory, '/s');
  integerOption('mode', mode, 0, 0o777);
  checkGroup(group);
  return { path, directory, mode: mode ?? 0o660, group };
}

function checkPath(name: string, given: string | undefined, socket = ''): void {
  typeOption(name, given, 'string');
  if (given === undefined) return;
  // A transport takes paths and hands out endpoints; what would become a file called `unix:…` is a mistake.
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
 * The options that a go-plugin host passes in the environment: `PLUGIN_UNIX_SOCKET_DIR`, the directory to listen in, and
 * `PLUGIN_UNIX_SOCKET_GROUP`, the group, by name or number, that is to be able to connect. One that is empty counts as unset.
 *
 * @param env - Default: `process.env`.
 */
export function unixOptionsFromEnv(env: NodeJS.ProcessEnv = process.env): UnixSocketTransportOptions {
  const { PLUGIN_UNIX_SOCKET_DIR: directory = '', PLUGIN_UNIX_SOCKET_GROUP: group = '' } = env;
  return {
    ...(directory !== '' && { directory }),
    // go-plugin reads it as a number first.
    ...(group !== '' && { group: /^\d+$/.test(group) ? Number(group) : group }),
  };
}
