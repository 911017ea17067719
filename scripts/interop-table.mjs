// Writes the table of peers in docs/interop.md from the results of the last test run. With `--check` it writes nothing
// and fails if the table differs.
import { readFileSync, writeFileSync } from 'node:fs';

const FILE = 'docs/interop.md';
const START = '<!-- interop: made by `pnpm interop-table` from a test run -->\n';
const END = '<!-- interop end -->\n';

const { testResults } = JSON.parse(readFileSync('.vitest/results.json', 'utf8'));
const rows = new Map();
for (const { assertionResults } of testResults) {
  for (const { status, meta } of assertionResults) {
    if (meta?.interop === undefined) continue;
    const { peer, version, role, over } = meta.interop;
    const key = [peer, version, role].join(' | ');
    if (!rows.has(key)) rows.set(key, { over: new Set(), tests: 0, passed: 0 });
    const row = rows.get(key);
    row.over.add(over);
    row.tests += 1;
    if (status === 'passed') row.passed += 1;
  }
}
const lines = [...rows]
  .map(([key, { over, tests, passed }]) => `| ${key} | ${[...over].sort().join('; ')} | ${passed} of ${tests} |`)
  .sort();
const table = ['| peer | version | as | over | tests passed |', '| --- | --- | --- | --- | --- |', ...lines, ''].join(
  '\n',
);

const present = readFileSync(FILE, 'utf8');
const [before, , after] = present.split(new RegExp(`${START}([^]*?)${END}`));
if (after === undefined) throw new Error(`${FILE} has no place for the table`);
const made = `${before}${START}\n${table}\n${END}${after}`;
// Versions differ between machines, and prettier aligns the columns.
const comparable = (text) => text.replace(/^(\|[^|]*\|)[^|]*\|/gm, '$1').replace(/ +|-+/g, ' ');
if (!process.argv.includes('--check')) writeFileSync(FILE, made);
else if (comparable(made) !== comparable(present)) {
  console.error(`${FILE} differs from the table of this run:\n\n${table}`);
  process.exit(1);
}
