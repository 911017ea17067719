// docs/migrating.md: the names of this project that it gives exist.
import { readdir, readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';

const docs = new URL('../docs/', import.meta.url);
const read = (file: string): Promise<string> => readFile(new URL(file, docs), 'utf8');
/** Of JavaScript, Node and go-plugin's protocol. */
const others = ['await', 'const', 'new', 'socket', 'spawn', 'GRPCController', 'GRPCStdio', 'Shutdown', 'StreamStdio'];

it('docs/migrating.md gives names that the packages export', async () => {
  const reports = (await readdir(new URL('api/', docs))).map((name) => read(`api/${name}`));
  const known = new Set([...others, ...((await Promise.all(reports)).join().match(/\w+/g) ?? [])]);
  // The right column of its tables.
  const cells = Array.from((await read('migrating.md')).matchAll(/^\|.*\|(.*)\|$/gm), ([, here = '']) => here);
  const words = cells
    .flatMap((cell) => Array.from(cell.matchAll(/(?<!\[)`([^`]*)`/g), ([, code = '']) => code))
    .flatMap((code) => code.match(/\w+/g) ?? []);
  expect(words.length).toBeGreaterThan(40);
  expect(words.filter((word) => !known.has(word))).toEqual([]);
});
