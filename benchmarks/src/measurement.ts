import { median, quantile } from 'd3-array';

/** What is asked of a metric. */
export interface Goal {
  /**
   * What it is about: the `ratio` of ours to the baseline (median over the rounds of what each gave side by side), the `difference`
   * between them (likewise), or a statistic of ours alone.
   */
  readonly of: 'ratio' | 'difference' | 'median' | 'p99';
  readonly atMost?: number;
  readonly atLeast?: number;
}

export interface Metric {
  readonly title: string;
  /** What the values are in, such as `µs`. */
  readonly unit: string;
  readonly better: 'lower' | 'higher';
  readonly goal?: Goal;
}

export type Sample<Name extends string> = Readonly<Record<Name, number | readonly number[]>>;

/** One of those who are compared. */
export interface Subject<Name extends string> {
  readonly name: string;
  /** Measures once: a value, or several of the same kind, for each metric. */
  readonly sample: () => Promise<Sample<Name>>;
}

export interface Comparison<Name extends string> {
  readonly metrics: Readonly<Record<Name, Metric>>;
  readonly ours: Subject<Name>;
  /** What ours is compared to. */
  readonly baseline?: Subject<Name>;
  /** Who else is shown beside them. */
  readonly peers?: readonly Subject<Name>[];
  /** Whether each sample is of new processes, or of what is always the same: then a round that does not count is of no use. */
  readonly fresh?: boolean;
}

export interface Spread {
  readonly low: number;
  readonly median: number;
  readonly high: number;
}

export interface SubjectResult extends Spread {
  readonly name: string;
  /** As they came. */
  readonly rounds: readonly (readonly number[])[];
}

export interface Result extends Metric {
  readonly ours: SubjectResult;
  readonly baseline?: SubjectResult;
  readonly peers: readonly SubjectResult[];
  /** Ours to the baseline, round by round. */
  readonly ratio?: Spread;
  /** Ours less the baseline, round by round. */
  readonly difference?: Spread;
  /** The value that the goal is about. */
  readonly reached?: number;
}

/**
 * Measures all subjects in every round, so that whatever else the machine does meets all alike, and in turns from the first to
 * the last and from the last to the first. A round before the first one warms up and does not count, unless each sample is {@link Comparison.fresh}.
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

/** How two of a comparison are to each other, round by round. */
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
