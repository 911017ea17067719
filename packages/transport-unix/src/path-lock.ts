import { readlinkSync, symlinkSync } from 'node:fs';
import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Cleanup, errnoOf, Operation, realTime } from '@rpcplugin/transport-base';
import type { ListenContext } from '@rpcplugin/transport-base';
import { fileAt, unlinkIfThere } from './files.js';
import { ownedName, ownerState } from './owner.js';

/** How long to wait for a live holder, in milliseconds. It needs the lock for about a millisecond. */
const ALIVE_MS = 5000;
/** The same for one that may be dead, such as in another container. */
const UNKNOWN_MS = 50;
/**
 * How old such a lock must be to count as left by a dead holder, in milliseconds. A live one could go on without it.
 */
const ABANDONED_MS = 60_000;

type LockContext = Pick<ListenContext, 'operation' | 'warn'>;

/**
 * Takes a lock: a symbolic link at `path` whose target names its owner, which symlink(2) creates in one step. The lock
 * of an owner that is gone is taken over. The directory must be one that only this user can enter.
 *
 * Goes on without the lock, with a warning, if it is not free in time or cannot be created here.
 *
 * @param cleanup - Gets the step that releases the lock.
 */
export async function lock(path: string, { operation, warn }: LockContext, cleanup: Cleanup): Promise<void> {
  const owner = ownedName('lock');
  const start = realTime.now();
  for (;;) {
    operation.throwIfCancelled();
    try {
      symlinkSync(owner, path);
      cleanup.defer(() => {
        if (lockHolder(path) === owner) unlinkIfThere(path);
      });
      return;
    } catch (cause) {
      if (errnoOf(cause) === 'ENOENT') throw cause;
      if (errnoOf(cause) !== 'EEXIST') {
        warn('the path could not be locked', cause);
        return;
      }
    }
    const holder = lockHolder(path);
    if (holder === undefined) continue;
    if (isAbandoned(path, holder)) {
      await breakLock(path, holder, operation);
      continue;
    }
    const limitMs = ownerState(holder) === 'alive' ? ALIVE_MS : UNKNOWN_MS;
    if (Math.max(realTime.now() - start, ageMs(path)) > limitMs) {
      warn('another process holds the lock of the path');
      return;
    }
    await sleep(0.5 + Math.random());
  }
}

/** Removes a lock that a dead owner has left. */
export async function breakIfAbandoned(path: string): Promise<void> {
  const holder = lockHolder(path);
  if (holder === undefined || !isAbandoned(path, holder)) return;
  const operation = new Operation('sweep');
  await breakLock(path, holder, operation);
  operation.end();
}

/**
 * What is known of the owner of a lock: `gone` if the lock is as good as released. `undefined` for a symbolic link
 * whose name or target is not that of a lock: another user may have given the name of a staging directory to another
 * directory of this user, whose links must stay.
 */
export function lockState(path: string): 'alive' | 'gone' | 'unknown' | undefined {
  const holder = lockHolder(path) ?? '';
  if (!basename(path).startsWith('lock:') || !/^lock-[\w-]+$/.test(holder)) return undefined;
  return isAbandoned(path, holder) ? 'gone' : ownerState(holder);
}

function isAbandoned(path: string, holder: string): boolean {
  const state = ownerState(holder);
  return state === 'gone' || (state === 'unknown' && ageMs(path) > ABANDONED_MS);
}

/** Removes a lock. Holds a second one meanwhile: otherwise, two that break it could remove that of the next owner. */
async function breakLock(path: string, holder: string, operation: Operation): Promise<void> {
  const cleanup = new Cleanup();
  try {
    await lock(`${path}~`, { operation, warn: () => undefined }, cleanup);
    if (lockHolder(path) === holder) unlinkIfThere(path);
  } finally {
    await cleanup.run();
  }
}

/** The owner of a lock; `undefined` if it was released. */
export function lockHolder(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch (error) {
    return errnoOf(error) === 'ENOENT' ? undefined : '';
  }
}

/** How long ago a lock was taken, in milliseconds. */
function ageMs(path: string): number {
  return Date.now() - Number(fileAt(path)?.ctimeNs ?? Infinity) / 1e6;
}
