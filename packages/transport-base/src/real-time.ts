// Not `performance`, which takes a millisecond to load.
const { hrtime } = process;

/**
 * The real clock and timers, also while a test mocks those of the process. For waiting for what no mocked clock moves:
 * files, sockets, other processes. Time limits use the global timers, so that a test can let them pass.
 */
export const realTime = {
  /** Milliseconds since some point in the past. */
  now: (): number => Number(hrtime.bigint()) / 1e6,
  setTimeout,
  clearTimeout,
  setImmediate,
  clearImmediate,
} as const;
