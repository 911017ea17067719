import { readFile, writeFile } from 'node:fs/promises';
import { format, resolveConfig } from 'prettier';
import type { Chapter } from './benchmark.js';
import { chapterTable } from './table.js';

const START = '<!-- benchmarks: made by `pnpm bench` -->\n';
const END = '<!-- benchmarks end -->\n';

/** Writes the tables of all benchmarks into a Markdown file, between two marks. */
export async function writeTables(file: string, chapters: readonly Chapter[]): Promise<void> {
  const text = await readFile(file, 'utf8');
  const [before = '', rest] = text.split(START);
  const [, after] = rest?.split(END) ?? [];
  if (after === undefined) throw new Error(`${file} has no place for the results`);
  const tables = chapters.map(chapterTable).join('\n');
  const options = { ...(await resolveConfig(file)), filepath: file };
  await writeFile(file, await format(`${before}${START}\n${tables}\n${END}${after}`, options));
}
