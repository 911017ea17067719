import { isValidUnixEndpoint, normalizeUnixPath } from '@rpcplugin/endpoint-utils';
import {
  absoluteSocketPath,
  assertAlone,
  assertSocketPathFits,
  inheritedSocket,
  integerOption,
  invalidOption,
  typeOption,
} from '@rpcplugin/transport-base';
import type { InheritedSocket, ProxyProtocolOptions, SocketTransportOptions } from '@rpcplugin/transport-base';

/** Options of `UnixSocketTransport`. */
export interface UnixSocketTransportOptions extends SocketTransportOptions {
  /**
   * Where to listen: a path, or a unix endpoint such as `unix:/run/plugin.sock`. A relative path is resolved when
   * listening. At most 107 bytes on Linux, 103 on macOS. Missing parent directories are created, with mode 0700, or
   * 0710 and the group if `group` is given. Cannot be combined with `directory`.
   */
  path?: string | undefined;
  /**
   * A directory to listen in, under an unguessable name directly inside it, as in go-plugin. A missing directory is
   * created as for `path`. Default, if `path` is not given either: a private directory of this user.
   */
  directory?: string | undefined;
  /**
   * The descriptor of a unix socket that already listens, to accept on: one that a service manager or `hold` of a
   * host's transport handed over. It is closed when the transport stops listening; its file stays. `path` is then the
   * path of the socket, for the endpoint. It can be left out if the socket was bound to that path, and Linux says so,
   * but not for the socket of `hold`, which was bound to another one. Cannot be combined with `directory`, `mode` or
   * `group`. Default: none.
   */
  fd?: number | undefined;
  /** The permission bits of the socket file, from 0 to 0o777. Connecting needs the write bit. Default: 0o660. */
  mode?: number | undefined;
  /**
   * The group of the socket file, by name or number; text that is a number is one. Default: the group that the system
   * gives a new file.
   */
  group?: string | number | undefined;
  /**
   * For peers that are proxies. They begin each connection with a header of the PROXY protocol, version 1 or 2, which
   * has the address of the client. The handler gets that as its second argument. A connection without a header does not
   * reach the handler. Any process that can connect is trusted; limit them by `mode` and `group`. Default: the peers
   * are clients.
   */
  proxyProtocol?: ProxyProtocolOptions | undefined;
}

/** The options that only this package has, validated. */
export interface SocketPlacement {
  readonly path: string | undefined;
  readonly inherited: InheritedSocket | undefined;
  readonly directory: string | undefined;
  readonly mode: number;
  readonly group: string | number | undefined;
}

/**
 * Validates the options that only this package has.
 *
 * @throws TransportError `INVALID_ARGUMENT`, `PATH_TOO_LONG` for a path, or another code of `inheritedSocket`.
 */
export function socketPlacement(options: UnixSocketTransportOptions): SocketPlacement {
  const { path, directory, fd, mode, group } = options;
  if (path !== undefined) assertAlone('path', options, ['directory']);
  if (fd !== undefined) assertAlone('fd', options, ['directory', 'mode', 'group']);
  checkPath('path', path, (given) => (given.startsWith('unix:') ? given : `unix:${given}`));
  // Validated with a name in it, as the path of a socket. A directory called `unix:…` would be a mistake.
  checkPath('directory', directory, (given) => (given.startsWith('unix:') ? '' : `unix:${given}/s`));
  integerOption('mode', mode, 0, 0o777);
  const socketPath = path === undefined ? undefined : normalizeUnixPath(path);
  if (socketPath !== undefined) {
    const absolute = absoluteSocketPath(socketPath);
    assertSocketPathFits(absolute, `unix:${absolute}`);
  }
  const inherited = fd === undefined ? undefined : inheritedSocket(fd);
  return { path: socketPath, inherited, directory, mode: mode ?? 0o660, group: groupOption(group) };
}

function checkPath(name: string, given: string | undefined, toEndpoint: (given: string) => string): void {
  typeOption(name, given, 'string');
  if (given === undefined || (given !== '' && isValidUnixEndpoint(toEndpoint(given)))) return;
  throw invalidOption(name, given, 'Give a path such as /run/plugin.sock, without control characters.');
}

/** A group, by name or number. Like go-plugin, which first tries to read it as a number. */
export function groupOption(group: string | number | undefined): string | number | undefined {
  const value = typeof group === 'string' && /^\d+$/.test(group) ? Number(group) : group;
  if (typeof value === 'number') integerOption('group', value, 0, 2 ** 32 - 2);
  else typeOption('group', value, 'string');
  if (value === '') throw invalidOption('group', value, 'Give the name or number of a group, or leave it out.');
  return value;
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
    ...(group !== '' && { group }),
  };
}
