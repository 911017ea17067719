import { readdir, readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';

const read = (path: string): Promise<string> => readFile(new URL(path, import.meta.url), 'utf8');

/** The cells of the rows of a table, whose header begins with this text. */
function rowsOf(markdown: string, header: string): string[][] {
  const [, table = ''] = new RegExp(`^\\| ${header} .*\\n((?:\\|.*\\n)+)`, 'm').exec(markdown) ?? [];
  const rows = table.split('\n').filter((row) => row.startsWith('| `'));
  return rows.map((row) =>
    row
      .split('|')
      .map((cell) => cell.trim())
      .slice(1, -1),
  );
}

const words = (text = ''): string[] => Array.from(text.matchAll(/`([\w-]+)`/g), ([, word = '']) => word);

it('each page that describes failures names the command that shows them', async () => {
  const pages = (await readdir(new URL('../../../docs/', import.meta.url))).filter((name) => name.endsWith('.md'));
  const texts = await Promise.all(pages.map(async (name) => ({ name, text: await read(`../../../docs/${name}`) })));
  const failing = texts.filter(({ text }) => /^#+ .*(\bfail|does not work)/im.test(text));
  expect(failing.map(({ name }) => name)).toEqual(expect.arrayContaining(['behind-a-proxy.md', 'other-machines.md']));
  expect(failing.filter(({ text }) => !text.includes('rpc-endpoint probe')).map(({ name }) => name)).toEqual([]);
});

it('each code in the design is shown by the states that the README has for it', async () => {
  const states = rowsOf(await read('../README.md'), '`status`');
  const codes = rowsOf(await read('../../../docs/design.md'), 'code');
  expect([states.length, codes.length]).toEqual([13, 17]);
  const shown = codes.flatMap(([code, , by]) => words(by).map((state) => [state, ...words(code)]));
  for (const [state, code] of shown.filter(([state]) => state !== 'protocol')) {
    const [, , known] = states.find(([name]) => name === `\`${state}\``) ?? [];
    // A full backlog is RESOURCE_EXHAUSTED to the attempt, and TIMEOUT to the call.
    expect(words(known)).toContain(code === 'RESOURCE_EXHAUSTED' ? 'TIMEOUT' : code);
  }
});
