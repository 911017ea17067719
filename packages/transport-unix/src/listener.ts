import { dirname, resolve } from 'node:path';
import { parseUnixEndpoint } from '@rpcplugin/endpoint-utils';
import { Cleanup, errnoOf, listenSocket } from '@rpcplugin/transport-base';
import type { ListenContext, Listener, SocketTransportOptions } from '@rpcplugin/transport-base';
import { groupId } from './group.js';
import { HeldDirectory } from './held-directory.js';
import type { SocketPlacement } from './options.js';
import { withPathLock } from './path-lock.js';
import { publishSocket } from './socket-file.js';
import { socketPlace } from './socket-place.js';

/** How many attempts to make while another process removes the socket's directory. */
const MAX_ATTEMPTS = 100;

/** Listens on a socket file. */
export function unixListener(placement: SocketPlacement, options: SocketTransportOptions): Listener {
  const { path, directory, group } = placement;
  return {
    endpoint: path === undefined ? directory && resolve(directory) : `unix:${resolve(path)}`,
    open: async (context) => {
      const gid = group === undefined ? undefined : await groupId(group, context.operation.signal);
      for (let attempt = 1; ; attempt++) {
        const cleanup = new Cleanup();
        const defer = (undo: () => void): void => {
          cleanup.defer(undo);
        };
        try {
          const endpoint = await listenAtPlace(placement, gid, options, { ...context, defer }, cleanup);
          context.defer(() => cleanup.run());
          return endpoint;
        } catch (error) {
          await cleanup.run().catch(() => undefined);
          // Another process removed the empty directory, as a transport does on close if it made the directory.
          if (errnoOf(error) !== 'ENOENT' || attempt === MAX_ATTEMPTS) throw error;
        }
      }
    },
  };
}

async function listenAtPlace(
  placement: SocketPlacement,
  gid: number | undefined,
  options: SocketTransportOptions,
  context: ListenContext,
  cleanup: Cleanup,
): Promise<string> {
  const { mode } = placement;
  const { operation } = context;
  const path = await socketPlace(placement, gid, cleanup);
  const endpoint = `unix:${parseUnixEndpoint(path).path}`;
  const directory = HeldDirectory.open(dirname(path));
  cleanup.defer(() => {
    directory.close();
  });
  const listenAt = (address: string): Promise<unknown> => listenSocket({ path: address }, options, context);
  await withPathLock(path, directory, operation, (isLocked) =>
    publishSocket(path, { directory, listenAt, mode, gid, cleanup, isLocked, operation }),
  );
  return endpoint;
}
