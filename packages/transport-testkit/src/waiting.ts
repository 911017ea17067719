import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * How much longer than its limit something may take, in milliseconds. Less than the default limits of a transport, so
 * that a case fails if the transport uses a default instead of the limit that the case gives.
 */
export const PROMPT_MS = 2500;
/** A limit that is never reached, in milliseconds: longer than a case may take. */
export const NEVER_MS = 60_000;
/** More turns of the event loop than a listen or a connect takes. */
export const TURNS = 30;

/** Resolves once the condition holds. Rejects if it does not hold within `timeoutMs` milliseconds. */
export async function until(condition: () => boolean | Promise<boolean>, timeoutMs = 10_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) {
      throw new Error(`condition not met within ${timeoutMs} ms: ${condition.toString()}`);
    }
    await sleep(1);
  }
}

/** Lets `count` turns of the event loop pass. I/O can happen in each. */
export async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise(setImmediate);
}

/** Whether the promise settles before any I/O can complete and any timer can fire. */
export async function settlesWithoutIO(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const settle = (): void => {
    settled = true;
  };
  promise.then(settle, settle);
  await new Promise<void>((resolve) => {
    process.nextTick(resolve);
  });
  return settled;
}

/** How long an action takes, in milliseconds, rounded to a tenth. */
export async function durationOf(action: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await action();
  return Math.round((performance.now() - start) * 10) / 10;
}

/**
 * How long an action takes that has a time limit, in milliseconds. A timer of this process says when it is late: a busy
 * machine delays that like those of the transport, and what is due first comes first.
 *
 * @param what - Names the action, such as `close`.
 * @throws AssertionError if the action takes {@link PROMPT_MS} longer than the limit.
 */
export async function durationWithin(limitMs: number, what: string, action: () => Promise<unknown>): Promise<number> {
  const state = { isOver: false };
  const running = durationOf(action).finally(() => {
    state.isOver = true;
  });
  running.catch(() => undefined);
  const lateMs = limitMs + PROMPT_MS;
  const over = new AbortController();
  const late = sleep(lateMs, undefined, { signal: over.signal }).catch(() => undefined);
  await Promise.race([running, late]).finally(() => {
    over.abort();
  });
  // What was due before the timer may take a few turns to take effect.
  for (let turn = 0; turn < TURNS && !state.isOver; turn++) await turns(1);
  assert.ok(state.isOver, `${what} took longer than ${lateMs} ms`);
  return running;
}
