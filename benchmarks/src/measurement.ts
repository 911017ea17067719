import { median, quantile } from 'd3-array';

/** A limit for a metric. */
export interface Goal {
  /**
   * What is limited: the `ratio` of ours to the baseline (the median of the ratios of all rounds), the `difference`
   * between them (likewise), or a statistic of ours alone.
   */
  readonly of: 'ratio' | 'difference' | 'median' | 'p99';
  readonly atMost?: number;
  readonly atLeast?: number;
  /** Why it may not be reached, which the tables then say. */
  readonly why?: string;
}

export interface Metric {
  readonly title: string;
  /** The unit of the values, such as `µs`. */
  readonly unit: string;
  readonly better: 'lower' | 'higher';
  readonly goal?: Goal;
}

type Sample<Name extends string> = Readonly<Record<Name, number | readonly number[]>>;

/** A program or library in a comparison. */
export interface Subject<Name extends string> {
  readonly name: string;
  /** Measures once. Resolves with one or several values for each metric. */
  readonly sample: () => Promise<Sample<Name>>;
}

export interface Comparison<Name extends string> {
  readonly metrics: Readonly<Record<Name, Metric>>;
  readonly ours: Subject<Name>;
  /** What ours is compared with. */
  readonly baseline?: Subject<Name>;
  /** Others to show. */
  readonly peers?: readonly Subject<Name>[];
  /** Whether a warm-up round is useless, because each sample uses new processes or always gives the same. */
  readonly fresh?: boolean;
}

export interface Spread {
  readonly low: number;
  readonly median: number;
  readonly high: number;
}

export interface SubjectResult extends Spread {
  readonly name: string;
  /** The values of each round, in order. */
  readonly rounds: readonly (readonly number[])[];
}

export interface Result extends Metric {
  readonly ours: SubjectResult;
  readonly baseline?: SubjectResult;
  readonly peers: readonly SubjectResult[];
  /** Ours divided by the baseline, round by round. */
  readonly ratio?: Spread;
  /** Ours minus the baseline, round by round. */
  readonly difference?: Spread;
  /** The value that the goal limits. */
  readonly reached?: number;
}

/**
 * Measures all subjects in every round, so that other load on the machine affects all alike. The order alternates
 * between first-to-last and last-to-first. A warm-up round, which does not count, comes first, unless each sample is
 * {@link Comparison.fresh}.
 */
export async function compare<Name extends string>(
  { metrics, ours, baseline, peers = [], fresh = false }: Comparison<Name>,
  rounds: number,
  onRound: (round: number) => void,
): Promise<Result[]> {
  const subjects = [ours, ...(baseline ? [baseline] : []), ...peers];
  const samples = new Map(subjects.map((subject) => [subject, [] as Sample<Name>[]]));
  for (let round = fresh ? 1 : 0; round <= rounds; round++) {
    onRound(round);
    for (const subject of round % 2 === 0 ? subjects : subjects.toReversed()) {
      const sample = await subject.sample();
      if (round > 0) samples.get(subject)?.push(sample);
    }
  }
  return Object.entries<Metric>(metrics).map(([name, metric]) => {
    const result = (subject: Subject<Name>): SubjectResult => {
      const values = samples.get(subject)?.map((sample) => [sample[name as Name]].flat()) ?? [];
      return { name: subject.name, ...spreadOf(values.flat()), rounds: values };
    };
    return judge(metric, result(ours), baseline && result(baseline), peers.map(result));
  });
}

export function isReached({ goal, reached = NaN }: Result): boolean | undefined {
  if (goal === undefined) return undefined;
  return reached <= (goal.atMost ?? Infinity) && reached >= (goal.atLeast ?? -Infinity);
}

function judge(
  metric: Metric,
  ours: SubjectResult,
  baseline: SubjectResult | undefined,
  peers: SubjectResult[],
): Result {
  const ratio = baseline && sideBySide(ours, baseline, (one, other) => one / other);
  const difference = baseline && sideBySide(ours, baseline, (one, other) => one - other);
  const reached = {
    ratio: ratio?.median,
    difference: difference?.median,
    median: ours.median,
    p99: quantile(ours.rounds.flat(), 0.99),
  };
  return {
    ...metric,
    ours,
    peers,
    ...(baseline && { baseline }),
    ...(ratio && { ratio }),
    ...(difference && { difference }),
    ...(metric.goal && { reached: reached[metric.goal.of] ?? NaN }),
  };
}

/** Compares two subjects round by round. */
export function sideBySide(
  { rounds }: SubjectResult,
  other: SubjectResult,
  of: (one: number, other: number) => number,
): Spread {
  return spreadOf(rounds.map((values, i) => of(medianOf(values), medianOf(other.rounds[i] ?? []))));
}

/** The median, and the quartiles below and above it. */
function spreadOf(values: readonly number[]): Spread {
  return { low: quantile(values, 0.25) ?? NaN, median: medianOf(values), high: quantile(values, 0.75) ?? NaN };
}

function medianOf(values: readonly number[]): number {
  return median(values) ?? NaN;
}
