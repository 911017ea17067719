import { until } from './waiting.js';

/** The age of a process and the processor time it has used, in milliseconds. */
export interface Usage {
  readonly elapsedMs: number;
  readonly processorMs: number;
}

/** The usage of this process. */
export function usage(): Usage {
  const { user, system } = process.cpuUsage();
  return { elapsedMs: performance.now(), processorMs: (user + system) / 1000 };
}

/** Repeats an action for half a second. Resolves with the share of a processor that another process used meanwhile. */
export async function loadDuring(action: () => Promise<unknown>, usageOfOther: () => Promise<Usage>): Promise<number> {
  const before = await usageOfOther();
  await until(async () => {
    await action();
    return (await usageOfOther()).elapsedMs - before.elapsedMs > 500;
  });
  const after = await usageOfOther();
  return (after.processorMs - before.processorMs) / (after.elapsedMs - before.elapsedMs);
}
