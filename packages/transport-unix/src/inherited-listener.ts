import { absoluteSocketPath, listenInherited } from '@rpcplugin/transport-base';
import type { InheritedSocket, Listener, AcceptOptions } from '@rpcplugin/transport-base';
import { TransportError } from '@rpcplugin/transport-core';
import { fileAt } from './files.js';

/**
 * Listens on a socket that was handed over. Its file belongs to whoever opened it.
 *
 * @param path - The path of the socket. By default, the one that it was bound to.
 */
export function inheritedUnixListener(
  socket: InheritedSocket,
  path: string | undefined,
  options: AcceptOptions,
): Listener {
  const endpoint = path === undefined ? undefined : `unix:${absoluteSocketPath(path)}`;
  return {
    endpoint,
    open: async (context) => {
      const name = (await listenInherited(socket, 'unix', {}, options, context)) as string;
      return endpoint ?? `unix:${boundPath(name)}`;
    },
  };
}

/** The path that a socket was bound to, unless its file was given another name since, as `hold` does. */
function boundPath(name: string): string {
  // A name that is not a path is one in the working directory of the process that bound it, or an abstract one.
  if (name.startsWith('/') && !name.startsWith('/proc/') && fileAt(name)?.isSocket() === true) return name;
  throw new TransportError('INVALID_ARGUMENT', 'the path of the socket that was handed over is not known', {
    hint: 'Give its path as well as its fd.',
  });
}
