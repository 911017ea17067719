import { markdownTable } from 'markdown-table';
import type { Chapter } from './benchmark.js';
import { isReached } from './measurement.js';
import type { Goal, Result, Spread } from './measurement.js';

/** All results in Markdown. */
export function table(chapters: readonly Chapter[]): string {
  const how =
    'Medians over the rounds, with quartiles in brackets. A ratio or difference compares two measurements of the ' +
    'same round, one right after the other.';
  return `# Results\n\n${how}\n\n${chapters.map(chapterTable).join('\n')}`;
}

/** The results of one benchmark in Markdown. */
export function chapterTable({ title, date, machine, results }: Chapter): string {
  const { processor, cores, system, node } = machine;
  const where = `Measured on ${date.slice(0, 10)} with Node ${node} on ${cores} cores of ${processor}, ${system}.`;
  const rows = results.map((result) => [
    result.title,
    withUnit(result.ours.median, result.unit),
    result.baseline ? `${result.baseline.name}: ${withUnit(result.baseline.median, result.unit)}` : '',
    result.peers.map((peer) => `${peer.name}: ${withUnit(peer.median, result.unit)}`).join('; '),
    result.ratio ? spread(result.ratio) : '',
    outcome(result),
  ]);
  const columns = ['benchmark', 'this project', 'baseline', 'others', 'ratio', 'goal'];
  return `## ${title}\n\n${where}\n\n${markdownTable([columns, ...rows])}\n`;
}

/** Such as `14.2 µs`. */
function withUnit(value: number, unit: string): string {
  return `${shortNumber(value)} ${unit}`.trim();
}

function spread({ low, median, high }: Spread): string {
  return `${shortNumber(median)} (${shortNumber(low)}–${shortNumber(high)})`;
}

function outcome(result: Result): string {
  const { goal, reached, unit } = result;
  if (goal === undefined || reached === undefined) return '';
  const value = goal.of === 'ratio' ? shortNumber(reached) : withUnit(reached, unit);
  const statistic = goal.of === 'ratio' ? '' : `, ${goal.of} ${value}`;
  if (isReached(result)) return `✓ ${limit(goal, unit)}${statistic}`;
  return `✗ ${limit(goal, unit)}${statistic}${goal.why === undefined ? '' : `: ${goal.why}`}`;
}

function limit({ of, atMost, atLeast }: Goal, unit: string): string {
  const bound = (value: number): string => (of === 'ratio' ? String(value) : withUnit(value, unit));
  return atMost === undefined ? `≥ ${bound(atLeast ?? NaN)}` : `≤ ${bound(atMost)}`;
}

function shortNumber(value: number): string {
  if (Math.abs(value) >= 100) return Math.round(value).toString();
  return Math.abs(value) >= 10 ? value.toFixed(1) : value.toFixed(Math.abs(value) >= 0.995 || value === 0 ? 2 : 3);
}
