import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Dialer, DialContext } from './addresses.js';
import { FileWatch } from './file-watch.js';
import { attemptUntilAccepted } from './full-backlog.js';
import { realTime } from './real-time.js';
import { errorCodeOf } from './system-errors.js';

/** How long a file counts as new, in milliseconds: the process that bound a socket to it may be about to listen. */
const NEW_FILE_MS = 1000;
/** The delay between two attempts at a stale socket, in milliseconds. It seldom starts to listen again. */
const STALE_RETRY_MS = 50;

/**
 * Dials until an attempt succeeds, an error is final, or the operation is cancelled.
 *
 * An endpoint that is missing or refuses is retried for `waitMs`. A full backlog is always retried: it passes as soon
 * as the listener accepts.
 */
export async function dial<C extends Duplex>(dialer: Dialer<C>, context: DialContext, waitMs: number): Promise<C> {
  const { operation } = context;
  const { path, retryMs = 10 } = dialer;
  const waitUntil = realTime.now() + waitMs;
  let file: FileWatch | undefined;
  try {
    for (;;) {
      // Not read before the first attempt, which usually succeeds. After a refusal, the second attempt follows at once.
      const state = file?.state() ?? '';
      let delay: Promise<void>;
      try {
        return await attemptUntilAccepted(dialer, context);
      } catch (error) {
        operation.throwIfCancelled();
        operation.attemptFailed(error);
        const leftMs = waitUntil - realTime.now();
        if (!isAbsent(error) || leftMs <= 0) throw error;
        else if (path === undefined) delay = pause(retryMs, operation.signal);
        else {
          file ??= new FileWatch(path);
          delay = file.change(state, Math.min(leftMs, fileRetryMs(error, file, retryMs)), operation.signal);
        }
      }
      await delay;
      operation.throwIfCancelled();
    }
  } finally {
    file?.close();
  }
}

/** How long to wait, in milliseconds, before the next attempt at a file that does not change. */
function fileRetryMs(error: unknown, file: FileWatch, retryMs: number): number {
  if (errorCodeOf(error) === 'NOT_FOUND') return Infinity;
  return file.ageMs() < NEW_FILE_MS ? retryMs : STALE_RETRY_MS;
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}

function isAbsent(error: unknown): boolean {
  const code = errorCodeOf(error);
  return code === 'NOT_FOUND' || code === 'CONNECTION_REFUSED';
}
