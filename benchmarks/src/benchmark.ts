import type { Comparison, Result } from './measurement.js';

/** What a benchmark runs with. */
export interface BenchmarkContext {
  /** A private directory of this run, for sockets. */
  readonly directory: string;
  /** Chooses the size of a measurement: the second in a quick run, otherwise the first. */
  readonly size: (full: number, quick: number) => number;
  /** Measures and records the results. Takes 9 rounds by default, 1 or 2 in a quick run. */
  readonly compare: <Name extends string>(comparison: Comparison<Name>, rounds?: number) => Promise<void>;
}

export interface Benchmark {
  /** The heading of its results and chart. */
  readonly title: string;
  /** Its name on the command line. */
  readonly name: string;
  run(context: BenchmarkContext): Promise<void>;
}

/** The results of one benchmark. */
export interface Chapter {
  readonly title: string;
  readonly name: string;
  /** When they were measured. */
  readonly date: string;
  /** Where they were measured. */
  readonly machine: Machine;
  readonly results: readonly Result[];
}

interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly system: string;
  readonly node: string;
}
