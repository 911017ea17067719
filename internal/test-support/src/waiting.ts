import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';

/** Resolves once the condition holds; rejects if it does not within `timeoutMs`. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  { timeoutMs = 60_000 }: { timeoutMs?: number } = {},
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${condition.toString()}`);
    await sleep(1);
  }
}

/** Waits for this many turns of the event loop, including their I/O. */
export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await nextTurn();
}

/** How many milliseconds an action takes to settle, whether it succeeds or fails. */
export async function durationOf(action: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await action().catch(() => undefined);
  return performance.now() - started;
}

/** Whether a promise settles without any I/O or timer. */
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

/** The number of timers that keep this process alive. */
export function timers(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
}

/** More turns of the event loop than a timer needs to take effect within this process. */
const EFFECT_TURNS = 100;

/**
 * Whether a promise settles within `ms` milliseconds, as timers of this process count them. A busy machine delays
 * them like the timers under test, and those due first fire first.
 */
export async function settlesWithin(ms: number, promise: Promise<unknown>): Promise<boolean> {
  const state = { settled: false };
  const settle = (): void => {
    state.settled = true;
  };
  const over = promise.then(settle, settle);
  const timeUp = new AbortController();
  await Promise.race([over, sleep(ms, undefined, { signal: timeUp.signal }).catch(() => undefined)]);
  timeUp.abort();
  for (let turn = 0; turn < EFFECT_TURNS && !state.settled; turn++) await turns(1);
  return state.settled;
}

/** Keeps the event loop busy for this many milliseconds. */
export function standStill(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}
