/** Of a process, in bytes. */
export interface Memory {
  /** What JavaScript keeps after a garbage collection. */
  readonly kept: number;
  /** What the whole process has. */
  readonly resident: number;
}

/**
 * Node options for stable memory measurements: they allow garbage collection on demand, and keep the young generation
 * from growing by megabytes that no connection keeps.
 */
export const STEADY_HEAP = ['--expose-gc', '--max-semi-space-size=1'];

/** The memory of this process. */
export async function memory(): Promise<Memory> {
  for (let i = 0; i < 3; i++) {
    globalThis.gc?.();
    await new Promise(setImmediate);
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  return { kept: heapUsed + external, resident: rss };
}
