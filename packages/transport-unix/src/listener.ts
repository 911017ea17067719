import type { Socket } from 'node:net';
import { basename, dirname, join } from 'node:path';
import {
  absoluteSocketPath,
  assertSocketPathFits,
  Cleanup,
  errnoOf,
  listenSocket,
  socketPathLimitBytes,
} from '@rpcplugin/transport-base';
import type { ListenContext, Listener, SocketTransportOptions } from '@rpcplugin/transport-base';
import { OWN } from './directory.js';
import type { Directory } from './directory.js';
import { watchFile } from './file-watch.js';
import { unlinkIfThere } from './files.js';
import { groupId } from './group.js';
import { unguessableName } from './names.js';
import type { SocketPlacement } from './options.js';
import { isInContainer, ownedName } from './owner.js';
import { openWithParents } from './parents.js';
import { openPrivateDirectory } from './private-directory.js';
import { publish, publishInPlace } from './publish.js';
import { removeSocket } from './removal.js';
import { StagingError, sweepStaging } from './staging.js';
import { beaconOf, startSweep } from './sweep.js';

/** How many attempts to make while another process removes the socket's directory. */
const MAX_ATTEMPTS = 100;

/** Listens on a socket file. */
export function unixListener(placement: SocketPlacement, options: SocketTransportOptions): Listener {
  const { path, directory, group } = placement;
  return {
    endpoint: path === undefined ? directory && absoluteSocketPath(directory) : `unix:${absoluteSocketPath(path)}`,
    open: async (context) => {
      const gid = group === undefined ? undefined : await groupId(group, context.operation.signal);
      let refusal: StagingError | undefined;
      for (let attempt = 1; ; attempt++) {
        const cleanup = new Cleanup();
        const defer = (undo: () => void): void => {
          cleanup.defer(undo);
        };
        try {
          const endpoint = await listenOnce(placement, gid, refusal === undefined, options, { ...context, defer });
          context.defer(() => cleanup.run());
          if (refusal !== undefined) {
            context.warn('the socket was visible before it had its mode: no staging directory', refusal.cause);
          }
          return endpoint;
        } catch (error) {
          await cleanup.run().catch(() => undefined);
          if (error instanceof StagingError && refusal === undefined) refusal = error;
          // Another process removed the empty directory, as a transport does on close if it created the directory.
          else if (errnoOf(error) !== 'ENOENT' || attempt === MAX_ATTEMPTS) throw reasonOf(error);
        }
      }
    },
  };
}

/** Why a socket could not even be published in place. */
function reasonOf(error: unknown): unknown {
  return error instanceof StagingError ? error.cause : error;
}

async function listenOnce(
  placement: SocketPlacement,
  gid: number | undefined,
  canStage: boolean,
  options: SocketTransportOptions,
  context: ListenContext,
): Promise<string> {
  const { operation, defer } = context;
  const isPrivate = placement.path === undefined && placement.directory === undefined;
  const [opened, name] = isPrivate ? openPrivate(gid, context) : openChosen(placement, gid, context);
  // Held by each listener for itself, as it has to be closed before the server is.
  const directory = opened.reopen();
  defer(() => {
    directory.close();
  });
  const path = join(directory.path, name);
  if (isPrivate && isInContainer()) await startBeacon(directory, name, context);
  const isStaged = canStage && (!isPrivate || gid !== undefined);
  const socket = await (isStaged ? publish : publishInPlace)({
    directory,
    name,
    isContested: placement.path !== undefined,
    listenAt: (address) => listenSocket({ path: address }, options, context),
    mode: placement.mode,
    gid,
    operation,
  });
  defer(() => {
    try {
      if (isPrivate) directory.removeSocket(name, socket);
      else removeSocket(directory, name, socket);
    } finally {
      // libuv removes the file with the name that was bound when the server closes. Through a closed descriptor, it
      // cannot remove another one.
      directory.close();
    }
  });
  defer(watchFile(directory.at(name), socket, context.warn));
  if (isPrivate) defer(startSweep(opened));
  if (isStaged) defer(sweepStaging(directory));
  return `unix:${path}`;
}

/** The private directory, and a name in it. */
function openPrivate(gid: number | undefined, { defer, warn }: ListenContext): [Directory, string] {
  const name = ownedName('plugin');
  const { directory, doubt, release } = openPrivateDirectory(gid, name.length);
  defer(release);
  if (doubt !== undefined) warn(`another user may be able to replace sockets: ${doubt}`);
  return [directory, name];
}

/** Starts the {@link beaconOf} a plugin in a container. */
async function startBeacon(directory: Directory, name: string, context: ListenContext): Promise<void> {
  const beacon = beaconOf(name);
  const accept = (socket: Socket): void => {
    socket.destroy();
  };
  // The listener's own is closed before this server is.
  const held = directory.reopen();
  context.defer(() => {
    try {
      unlinkIfThere(held.at(beacon));
    } finally {
      held.close();
    }
  });
  await listenSocket({ path: held.at(beacon) }, {}, { ...context, accept });
}

/** The directory that the caller chose, and the name in it. It is not created if the path is too long. */
function openChosen(
  { path, directory = '' }: SocketPlacement,
  gid: number | undefined,
  { defer }: ListenContext,
): [Directory, string] {
  const place = path === undefined ? placeIn(absoluteSocketPath(directory)) : absoluteSocketPath(path);
  assertSocketPathFits(place, `unix:${place}`);
  const { directory: opened, release } = openWithParents(
    dirname(place),
    gid === undefined ? OWN : { mode: 0o710, gid },
  );
  defer(release);
  return [opened, basename(place)];
}

/** A path that cannot be guessed, named like the sockets of go-plugin: with its owner, if the path is short enough. */
function placeIn(directory: string): string {
  const place = join(directory, ownedName('plugin'));
  return Buffer.byteLength(place) <= socketPathLimitBytes ? place : join(directory, `plugin-${unguessableName()}`);
}
