import { parse, View } from 'vega';
import { compile } from 'vega-lite';
import type { TopLevelSpec } from 'vega-lite';
import type { Chapter } from './benchmark.js';
import { sideBySide } from './measurement.js';
import type { Result, Spread } from './measurement.js';

/** All packages share one name, and so one colour. */
const OURS = 'this project';

interface Point extends Spread {
  readonly what: string;
  readonly who: string;
}

/**
 * Draws the results of one benchmark as SVG, with a point and its quartiles for each subject of each comparison. Points
 * are speeds as multiples of the baseline, which is the line at 1. Without a baseline they are the values themselves.
 */
export async function chart({ results }: Chapter): Promise<string> {
  const compared = results.filter(({ baseline }) => baseline !== undefined);
  const [first] = compared.length > 0 ? compared : results;
  const unit = first?.unit ?? '';
  const points =
    compared.length > 0 ? compared.flatMap(speeds) : results.filter((result) => result.unit === unit).flatMap(values);
  const [baseline = '', ...others] = new Set(compared.map((result) => result.baseline?.name));
  const axis = compared.length > 0 ? `times as fast as ${others.length > 0 ? 'the baseline' : baseline}` : unit;
  const view = new View(parse(compile(specOf(points, axis, compared.length > 0)).spec), { renderer: 'none' });
  return view.toSVG();
}

function speeds({ title, ours, baseline, peers, better }: Result): Point[] {
  if (baseline === undefined) return [];
  const speed = (one: number, other: number): number => (better === 'higher' ? one / other : other / one);
  return [{ ...ours, name: OURS }, ...peers].map((subject) => ({
    what: title,
    who: subject.name,
    ...sideBySide(subject, baseline, speed),
  }));
}

function values({ title, ours, peers }: Result): Point[] {
  return [{ ...ours, name: OURS }, ...peers].map(({ name, low, median, high }) => ({
    what: title,
    who: name,
    low,
    median,
    high,
  }));
}

function specOf(points: Point[], axis: string, isRelative: boolean): TopLevelSpec {
  const y = { field: 'what', type: 'nominal', title: null, sort: null, axis: { labelLimit: 320, grid: true } } as const;
  const color = {
    field: 'who',
    type: 'nominal',
    title: null,
    sort: null,
    scale: { scheme: 'tableau10' },
    legend: { orient: 'top', labelLimit: 240 },
  } as const;
  const yOffset = { field: 'who', sort: null } as const;
  // A grey that is readable on white and on black.
  const ink = '#7d8590';
  return {
    data: { values: points },
    width: 480,
    height: { step: 26, for: 'position' },
    background: 'transparent',
    config: {
      font: 'system-ui, sans-serif',
      axis: { labelColor: ink, titleColor: ink, gridColor: `${ink}40`, domainColor: ink, tickColor: ink },
      legend: { labelColor: ink },
      view: { stroke: null },
    },
    layer: [
      ...(isRelative
        ? [{ mark: { type: 'rule', color: ink, strokeWidth: 2 }, encoding: { x: { datum: 1 } } } as const]
        : []),
      {
        mark: { type: 'rule', strokeWidth: 2 },
        encoding: {
          y,
          yOffset,
          color,
          x: { field: 'low', type: 'quantitative', scale: { type: 'log' }, title: axis },
          x2: { field: 'high' },
        },
      },
      {
        mark: { type: 'point', filled: true, size: 50, opacity: 1 },
        encoding: { y, yOffset, color, x: { field: 'median', type: 'quantitative', scale: { type: 'log' } } },
      },
    ],
  };
}
