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

/**
 * Whether a promise settles at most {@link PROMPT_MS} after `limitMs` milliseconds, as timers of this process count
 * them. A busy machine delays them like those of the transport, and those due first fire first.
 */
export async function settlesPromptly(promise: Promise<unknown>, limitMs: number): Promise<boolean> {
  let settled = false;
  const settle = (): void => {
    settled = true;
  };
  const over = promise.then(settle, settle);
  const timeUp = new AbortController();
  const late = sleep(limitMs + PROMPT_MS, undefined, { signal: timeUp.signal }).catch(() => undefined);
  await Promise.race([over, late]);
  timeUp.abort();
  for (let turn = 0; turn < 3 * TURNS && !settled; turn++) await turns(1);
  return settled;
}

/** How long an action takes, in milliseconds, rounded to a tenth. */
export async function durationOf(action: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await action();
  return Math.round((performance.now() - start) * 10) / 10;
}
