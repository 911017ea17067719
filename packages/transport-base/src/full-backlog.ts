import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DialContext, Dialer } from './addresses.js';
import type { Operation } from './operation.js';
import { errnoOf } from './system-errors.js';

/** The longest delay between two attempts at a full backlog, in milliseconds. */
const MAX_RETRY_MS = 64;

/** For each endpoint whose backlog is full: settles when all connects have left its queue. */
const queues = new Map<string, Promise<unknown>>();

/**
 * Makes an attempt, and repeats it while the listener's backlog is full (EAGAIN, unix sockets only, see connect(2)).
 *
 * Connects that found the backlog full form a queue, and only the first repeats its attempt. libuv accepts one
 * connection per turn of its event loop: if all of a thousand connects retried, a process that dials itself, or a
 * machine that is busy, would spend its time on failures and accept next to nothing.
 */
export async function attemptUntilAccepted<C extends Duplex>(dialer: Dialer<C>, context: DialContext): Promise<C> {
  const { operation } = context;
  try {
    return await dialer.attempt(context);
  } catch (error) {
    if (!isBacklogFull(error)) throw error;
    operation.attemptFailed(error);
  }
  const leave = await joinQueue(dialer.endpoint, operation);
  try {
    for (let retryMs = 1; ; retryMs = Math.min(2 * retryMs, MAX_RETRY_MS)) {
      operation.throwIfCancelled();
      try {
        return await dialer.attempt(context);
      } catch (error) {
        if (!isBacklogFull(error)) throw error;
        operation.attemptFailed(error);
      }
      await sleep(retryMs, undefined, { signal: operation.signal }).catch(() => undefined);
    }
  } finally {
    leave();
  }
}

function isBacklogFull(error: unknown): boolean {
  return errnoOf(error) === 'EAGAIN';
}

/** Resolves when all connects before this one have left the queue, or this one is cancelled. Returns how to leave. */
async function joinQueue(endpoint: string, operation: Operation): Promise<() => void> {
  const before = queues.get(endpoint);
  let leave: () => void = () => undefined;
  const left = new Promise<void>((resolve) => {
    leave = resolve;
  });
  const all = Promise.all([before, left]).then(() => {
    if (queues.get(endpoint) === all) queues.delete(endpoint);
  });
  queues.set(endpoint, all);
  await new Promise<void>((resolve) => {
    const stop = operation.onCancel(() => {
      resolve();
    });
    void Promise.resolve(before).then(() => {
      stop();
      resolve();
    });
  });
  return leave;
}
