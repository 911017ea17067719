import { assertSocketPathFits, errnoOf, errorCodeOf } from '@rpcplugin/transport-base';
import { TransportError } from '@rpcplugin/transport-core';
import { OWN, ownUid } from './access.js';
import type { Directory } from './directory.js';
import { withPaths } from './files.js';

/** Why a socket cannot be published through a staging directory here, although one can perhaps be bound. */
export class StagingError extends Error {
  constructor(cause: unknown) {
    super('this method of publishing is not possible here', { cause });
  }
}

/** Turns the error of a step in a staging directory into the one to throw. */
export function stagingError(error: unknown): unknown {
  // Another process removed the directory. Or, out of descriptors or space, a socket would fail as well.
  const isFinal = TransportError.isInstance(error) || errnoOf(error) === 'ENOENT';
  return isFinal || errorCodeOf(error) === 'RESOURCE_EXHAUSTED' ? error : new StagingError(withPaths(error));
}

/** The staging directory of this user in a directory, shared by the processes of the user. */
export function openStaging(directory: Directory): Directory {
  try {
    if (directory.canBeRedirected() !== 'no') throw new Error(`${directory.path} may be replaced by another user`);
    return directory.openOrCreate(stagingName(), OWN);
  } catch (error) {
    throw stagingError(error);
  }
}

/** The same; `undefined` if there can be none here. */
export function stagingIfPossible(directory: Directory): Directory | undefined {
  try {
    return openStaging(directory);
  } catch {
    return undefined;
  }
}

/** Without `/proc`, the path has that of the directory in it. */
export function assertStagedPathFits(path: string): void {
  try {
    assertSocketPathFits(path);
  } catch (error) {
    throw new StagingError(error);
  }
}

/** The staging directory, if a process that was killed has left it. */
export function findStaging(directory: Directory): Directory | undefined {
  try {
    return directory.openOwn(stagingName(), OWN);
  } catch {
    // Another user took the name, or there is no descriptor left.
    return undefined;
  }
}

function stagingName(): string {
  return `.rpcplugin-${ownUid()}`;
}
