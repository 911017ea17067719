import { basename, dirname, join } from 'node:path';
import {
  absoluteSocketPath,
  assertSocketPathFits,
  Cleanup,
  errnoOf,
  listenSocket,
  socketPathLimitBytes,
} from '@rpcplugin/transport-base';
import type { ListenContext, Listener, AcceptOptions } from '@rpcplugin/transport-base';
import { OWN } from './access.js';
import { isInContainer, startBeacon } from './beacon.js';
import type { Directory } from './directory.js';
import { watchFile } from './file-watch.js';
import { withPaths } from './files.js';
import { groupId } from './group.js';
import type { SocketPlacement } from './options.js';
import { ownedName, unguessableName } from './owner.js';
import { openWithParents } from './parents.js';
import { openPrivateDirectory } from './private-directory.js';
import { publish } from './publish.js';
import type { Method } from './publish.js';
import { StagingError } from './staging.js';
import { sweepStaging } from './sweep.js';

/** How many attempts to make while another process removes the socket's directory. */
const MAX_ATTEMPTS = 100;

/** Listens on a socket file. */
export function unixListener(placement: SocketPlacement, options: AcceptOptions): Listener {
  const { path, directory, group } = placement;
  return {
    endpoint: path === undefined ? directory && absoluteSocketPath(directory) : `unix:${absoluteSocketPath(path)}`,
    open: async (context) => {
      const gid = group === undefined ? undefined : await groupId(group, context.operation.signal);
      const methods: Method[] =
        isInPrivateDirectory(placement) && gid === undefined ? ['bare'] : ['staged', 'beside', 'bare'];
      let refusal: unknown;
      for (const method of methods) {
        try {
          const endpoint = await withRetries(context, (attempt) =>
            listenOnce(placement, gid, method, options, attempt),
          );
          if (refusal !== undefined) context.warn(warnings[method], refusal);
          return endpoint;
        } catch (error) {
          if (!(error instanceof StagingError)) throw error;
          refusal = error.cause;
        }
      }
      throw refusal;
    },
  };
}

/** What is lost with a method that is not the first. */
const warnings: Readonly<Record<Method, string>> = {
  staged: '',
  beside: 'the socket was visible before it had its mode, under a hidden name',
  bare: 'the socket was visible before it had its mode, and the path was not locked',
};

/** Tries again while another process removes the socket's directory, as a transport does on close if it is empty. */
async function withRetries(
  context: ListenContext,
  listen: (context: ListenContext) => Promise<string>,
): Promise<string> {
  for (let attempt = 1; ; attempt++) {
    const cleanup = new Cleanup();
    const defer = (undo: () => void): void => {
      cleanup.defer(undo);
    };
    // Only those of the attempt that succeeds matter.
    let warnings: [what: string, cause: unknown][] | undefined = [];
    const warn = (what: string, cause?: unknown): void => {
      if (warnings === undefined) context.warn(what, cause);
      else warnings.push([what, cause]);
    };
    try {
      const endpoint = await listen({ ...context, defer, warn });
      context.defer(() => cleanup.run());
      for (const warning of warnings) context.warn(...warning);
      warnings = undefined;
      return endpoint;
    } catch (error) {
      const named = withPaths(error);
      await cleanup.run().catch(() => undefined);
      if (errnoOf(error) !== 'ENOENT' || attempt === MAX_ATTEMPTS) throw named;
    }
  }
}

async function listenOnce(
  placement: SocketPlacement,
  gid: number | undefined,
  method: Method,
  options: AcceptOptions,
  context: ListenContext,
): Promise<string> {
  const { defer, warn } = context;
  const isPrivate = isInPrivateDirectory(placement);
  const { directory, name } = isPrivate ? openPrivate(gid, context) : openChosen(placement, gid, context);
  const path = join(directory.path, name);
  if (process.platform === 'linux' && !directory.isHeld) {
    warn(`files in ${directory.path} are named by their paths, not through /proc, which is not available`);
  }
  if (isPrivate) await startBeacon(directory, name, defer);
  const { socket, unpublish } = await publish(
    {
      directory,
      name,
      isWellKnown: placement.path !== undefined,
      access: { mode: placement.mode, gid },
      listenAt: (address) => listenSocket({ path: address }, options, context),
      context,
    },
    method,
  );
  defer(() => {
    try {
      if (isPrivate) directory.unlinkSocket(name, socket);
      else unpublish();
    } catch (error) {
      throw withPaths(error);
    }
  });
  defer(watchFile(path, socket, warn));
  if (method !== 'bare') defer(sweepStaging(directory, warn));
  return `unix:${path}`;
}

function isInPrivateDirectory({ path, directory }: SocketPlacement): boolean {
  return path === undefined && directory === undefined;
}

/** Where to listen. */
interface Place {
  readonly directory: Directory;
  readonly name: string;
}

/** The private directory, and a name in it. */
function openPrivate(gid: number | undefined, { defer, warn }: ListenContext): Place {
  const name = ownedName('plugin');
  const { directory, release } = openPrivateDirectory(gid, name.length, warn);
  defer(release);
  return { directory, name };
}

/** The directory that the caller chose, and the name in it. It is not created if the path is too long. */
function openChosen(placement: SocketPlacement, gid: number | undefined, { defer }: ListenContext): Place {
  const { path, directory: chosen = '' } = placement;
  const place = path === undefined ? placeIn(absoluteSocketPath(chosen)) : absoluteSocketPath(path);
  assertSocketPathFits(place, `unix:${place}`);
  const access = gid === undefined ? OWN : { mode: 0o710, gid };
  const { directory, release } = openWithParents(dirname(place), access);
  defer(release);
  return { directory, name: basename(place) };
}

/**
 * A path that cannot be guessed, named like the sockets of go-plugin: with its owner, if the path is short enough. In a
 * container, no other process knows the owner, and the host's path of the directory may be a longer one.
 */
function placeIn(directory: string): string {
  const place = join(directory, ownedName('plugin'));
  const isOwned = !isInContainer() && Buffer.byteLength(place) <= socketPathLimitBytes;
  return isOwned ? place : join(directory, `plugin-${unguessableName()}`);
}
