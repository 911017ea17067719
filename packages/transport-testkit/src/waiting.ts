import { setTimeout as sleep } from 'node:timers/promises';

/**
 * How long something may take that is to be immediate, in milliseconds, on a machine with other things to do; less than the limits
 * that hold by default, so that it is seen if one of those is kept in place of what the case asks for.
 */
export const PROMPT_MS = 2500;
/** A limit that is not to be reached, in milliseconds: longer than a case may take. */
export const NEVER_MS = 60_000;
/** More turns of the event loop than a listen or a connect takes. */
export const TURNS = 30;

/** Resolves once the condition holds; rejects if it does not in time. */
export async function until(condition: () => boolean | Promise<boolean>, timeoutMs = 10_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${condition.toString()}`);
    await sleep(1);
  }
}

/** Lets so many turns of the event loop pass, in each of which there may be I/O. */
export async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise(setImmediate);
}

/** Whether the promise settles before any I/O or timer could have anything to do with it. */
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

/** How many milliseconds an action takes, to a tenth. */
export async function durationOf(action: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await action();
  return Math.round((performance.now() - begun) * 10) / 10;
}
