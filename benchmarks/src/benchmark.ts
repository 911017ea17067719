import type { Comparison, Result } from './measurement.js';

/** What a benchmark does its measuring with. */
export interface Bench {
  /** A directory of this run's own, for sockets. */
  readonly directory: string;
  /** The full size of a measurement, or the one of a quick run. */
  readonly size: (full: number, quick: number) => number;
  /** Measures, by default over 9 rounds, in a quick run over 1 or 2, and keeps the results. */
  readonly compare: <Name extends string>(comparison: Comparison<Name>, rounds?: number) => Promise<void>;
}

export interface Benchmark {
  /** The heading of its results, and of their chart. */
  readonly title: string;
  /** What the command line calls it. */
  readonly name: string;
  run(bench: Bench): Promise<void>;
}

/** The results of one benchmark. */
export interface Chapter {
  readonly title: string;
  readonly name: string;
  /** When they were measured. */
  readonly date: string;
  readonly results: readonly Result[];
}
