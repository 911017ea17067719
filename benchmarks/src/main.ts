// Runs all benchmarks, or those named, and writes the results: `pnpm bench [--quick] [--rounds n] [name]...`.
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, release, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Benchmark, Chapter } from './benchmark.js';
import { benchmarks } from './benchmarks.js';
import { chart } from './chart.js';
import { compare } from './measurement.js';
import type { Result } from './measurement.js';
import { Progress } from './progress.js';
import { table } from './table.js';
import { writeTables } from './write-tables.js';

const root = resolve(import.meta.dirname, '../..');
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    out: { type: 'string' },
  },
});
const unknown = positionals.filter((name) => !benchmarks.some((benchmark) => benchmark.name === name));
const rounds = values.rounds === undefined ? undefined : Number(values.rounds);
if (unknown.length > 0 || (rounds !== undefined && !(Number.isInteger(rounds) && rounds > 0))) {
  console.error('Usage: pnpm bench [--quick] [--rounds <n>] [--out <directory>] [benchmark]...\n');
  console.error(`The benchmarks are ${benchmarks.map(({ name }) => name).join(', ')}.`);
  process.exit(2);
}
const { quick } = values;
const chosen = benchmarks.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
/** Whether docs/benchmarks.md shows the results. */
const isKept = !quick && values.out === undefined;
const out = resolve(values.out ?? join(root, isKept ? 'benchmarks/results' : 'benchmarks/.last'));

const machine = {
  processor: cpus()[0]?.model ?? '',
  cores: availableParallelism(),
  system: `${process.platform} ${release()}`,
  node: process.version,
};

const progress = new Progress(process.stderr);
const directory = await mkdtemp(join(tmpdir(), 'bench-'));
const measured: Chapter[] = [];
try {
  for (const benchmark of chosen) {
    const results = await run(benchmark);
    measured.push({ name: benchmark.name, title: benchmark.title, date: new Date().toISOString(), machine, results });
  }
} finally {
  progress.clear();
  await rm(directory, { recursive: true });
}

await mkdir(out, { recursive: true });
// Benchmarks that were left out keep their last results.
const kept = isKept ? await keptChapters() : [];
const chapters = benchmarks.flatMap(
  ({ name }) => [...measured, ...kept].find((chapter) => chapter.name === name) ?? [],
);
const text = table(chapters);
await writeFile(join(out, 'results.json'), `${JSON.stringify({ quick, chapters }, shorten)}\n`);
await writeFile(join(out, 'results.md'), text);
for (const chapter of chapters) await writeFile(join(out, `${chapter.name}.svg`), await chart(chapter));
if (isKept) await writeTables(join(root, 'docs/benchmarks.md'), chapters);
console.log(text);
console.log(`Written to ${out}`);

/** Rounds numbers to five significant digits. */
function shorten(_key: string, value: unknown): unknown {
  return typeof value === 'number' ? Number(value.toPrecision(5)) : value;
}

async function keptChapters(): Promise<Chapter[]> {
  const text = await readFile(join(out, 'results.json'), 'utf8').catch(() => '{"chapters":[]}');
  return (JSON.parse(text) as { chapters: Chapter[] }).chapters;
}

async function run(benchmark: Benchmark): Promise<Result[]> {
  const results: Result[] = [];
  await benchmark.run({
    directory,
    size: (full, small) => (quick ? small : full),
    compare: async (comparison, fixed) => {
      // Starting new processes takes most of the time.
      const most = quick ? (comparison.fresh === true ? 1 : 2) : 9;
      const count = fixed ?? rounds ?? most;
      const [first] = Object.values<{ title: string }>(comparison.metrics);
      results.push(
        ...(await compare(comparison, count, (round) => {
          progress.show(`${benchmark.title}: ${first?.title ?? ''}, round ${round} of ${count}`);
        })),
      );
    },
  });
  return results;
}
