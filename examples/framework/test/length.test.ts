import { readdir, readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';

const sources = new URL('../src/', import.meta.url);

it('has at most 200 lines of code without its protos: all that an author has to write', async () => {
  const files = (await readdir(sources)).filter((name) => name.endsWith('.ts') && name !== 'protos.ts');
  const texts = await Promise.all(files.map((name) => readFile(new URL(name, sources), 'utf8')));
  const isCode = (line: string): boolean => !/^\s*(?:\/\/|\/?\*|$)/.test(line);
  const code = texts.flatMap((text) => text.split('\n')).filter(isCode);
  expect(code.length).toBeGreaterThan(100);
  expect(code.length).toBeLessThanOrEqual(200);
});
