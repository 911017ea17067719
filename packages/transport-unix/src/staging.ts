import { assertSocketPathFits, errnoOf, errorCodeOf } from '@rpcplugin/transport-base';
import { OWN } from './directory.js';
import type { Directory } from './directory.js';
import { startSweep } from './sweep.js';

/** Why a socket cannot be published through a staging directory here, although one can perhaps be bound. */
export class StagingError extends Error {
  constructor(cause: unknown) {
    super('no staging directory', { cause });
  }
}

/** The staging directory of this user in a directory, shared by the processes of the user. */
export function openStaging(directory: Directory): Directory {
  try {
    if (!directory.isSafe) throw new Error(`${directory.path} may be replaced by another user`);
    return directory.openOrCreate(stagingName(), OWN);
  } catch (error) {
    // Out of descriptors or space, a socket would fail as well.
    if (errnoOf(error) === 'ENOENT' || errorCodeOf(error) === 'RESOURCE_EXHAUSTED') throw error;
    throw new StagingError(error);
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

/** Removes what killed processes have left in the staging directory. Returns a function that cancels that. */
export function sweepStaging(directory: Directory): () => void {
  const staging = openOwnStaging(directory);
  if (staging === undefined) return () => undefined;
  const close = (): void => {
    directory.removeChild(staging);
    staging.close();
  };
  const cancel = startSweep(staging, close);
  return () => {
    cancel();
    close();
  };
}

function openOwnStaging(directory: Directory): Directory | undefined {
  try {
    return directory.openOwn(stagingName(), OWN);
  } catch {
    // Another user took the name, or there is no descriptor left.
    return undefined;
  }
}

function stagingName(): string {
  return `.rpcplugin-${process.geteuid?.() ?? ''}`;
}
