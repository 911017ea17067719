import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freshDirectory } from '@rpcplugin/test-support';
import { describe, expect, it } from 'vitest';
import type { Chapter } from '../src/benchmark.js';
import { chart } from '../src/chart.js';
import { compare } from '../src/measurement.js';
import { table } from '../src/table.js';
import { writeTables } from '../src/write-tables.js';

const of = (name: string, value: number) => ({ name, sample: () => Promise.resolve({ value }) });
const metric = { title: 'a round trip', unit: 'µs', better: 'lower', goal: { of: 'ratio', atMost: 1.02 } } as const;
const comparison = {
  metrics: { value: metric },
  ours: of('ours', 10.1),
  baseline: of('bare', 10),
  peers: [of('peer', 25)],
};
const alone = { ...comparison, metrics: { value: { title: 'size', unit: 'kB', better: 'lower' } as const } };
const chapter: Chapter = {
  title: 'Sockets',
  name: 'sockets',
  date: '2026-01-01T00:00:00.000Z',
  machine: { processor: 'a processor', cores: 2, system: 'linux', node: 'v20.0.0' },
  results: [
    ...(await compare(comparison, 1, () => undefined)),
    ...(await compare({ metrics: alone.metrics, ours: alone.ours }, 1, () => undefined)),
  ],
};

describe('a report', () => {
  it('has a row for each result, with its goal and whether it was reached', () => {
    const rows = table([chapter]).split('\n');
    const cells = rows.map((row) => row.split('|').map((cell) => cell.trim()));
    expect(cells).toContainEqual([
      '',
      'a round trip',
      '10.1 µs',
      'bare: 10.0 µs',
      'peer: 25.0 µs',
      '1.01 (1.01–1.01)',
      '✓ ≤ 1.02',
      '',
    ]);
    expect(cells).toContainEqual(['', 'size', '10.1 kB', '', '', '', '', '']);
  });

  it('says why a goal was not reached', async () => {
    const goal = { of: 'ratio', atMost: 1, why: 'it checks more' } as const;
    const results = await compare({ ...comparison, metrics: { value: { ...metric, goal } } }, 1, () => undefined);
    expect(table([{ ...chapter, results }])).toContain('✗ ≤ 1: it checks more');
  });

  it('has a chart relative to the baseline if each result has its own', async () => {
    const other = await compare({ ...comparison, baseline: of('limited', 10) }, 1, () => undefined);
    expect(await chart({ ...chapter, results: [...chapter.results, ...other] })).toContain('as fast as the baseline<');
  });

  it('says when and where each benchmark was measured', () => {
    expect(table([chapter])).toContain('Measured on 2026-01-01 with Node v20.0.0 on 2 cores of a processor, linux.');
  });

  it('has a chart of speeds relative to the baseline', async () => {
    const svg = await chart(chapter);
    expect(svg).toMatch(/^<svg /);
    for (const text of ['a round trip', 'this project', 'peer', 'times as fast as bare'])
      expect(svg).toContain(`>${text}<`);
  });

  it('has a chart of the values if there is no baseline', async () => {
    const svg = await chart({ ...chapter, results: chapter.results.slice(1) });
    for (const text of ['size', 'this project', 'kB']) expect(svg).toContain(`>${text}<`);
  });

  it('replaces the tables between the marks of a document', async () => {
    const file = join(await freshDirectory(), 'benchmarks.md');
    await writeFile(
      file,
      'before\n\n<!-- benchmarks: made by `pnpm bench` -->\nold\n<!-- benchmarks end -->\n\nafter\n',
    );
    await writeTables(file, [chapter]);
    const once = await readFile(file, 'utf8');
    expect(once).toMatch(/^before\n\n<!-- benchmarks: [^]*a round trip[^]*<!-- benchmarks end -->\n\nafter\n$/);
    expect(once).not.toContain('old');
    await writeTables(file, [chapter]);
    expect(await readFile(file, 'utf8')).toBe(once);
  });

  it('rejects a document without marks', async () => {
    const file = join(await freshDirectory(), 'benchmarks.md');
    await writeFile(file, 'nothing\n');
    await expect(writeTables(file, [chapter])).rejects.toThrow('no place');
    expect(await readFile(file, 'utf8')).toBe('nothing\n');
  });
});
