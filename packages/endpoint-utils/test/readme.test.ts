import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { normalizeEndpoint } from '../src/index.js';
import { SCHEMES } from '../src/schemes.js';

const packageDirectory = fileURLToPath(new URL('..', import.meta.url));
const readme = await readFile(`${packageDirectory}README.md`, 'utf8');

const codeIn = (cell = ''): string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code);

describe('the README', () => {
  const [, , ...rows] = (/\| accepted .*?\n\n/s.exec(readme)?.[0] ?? '').trimEnd().split('\n');

  test('has a table of endpoints', () => {
    expect(rows).toHaveLength(7);
  });

  test.each(rows)('lists accepted endpoints with their canonical text: %s', (row) => {
    const [, accepted, canonical] = row.split('|');
    const texts = codeIn(accepted);
    expect(texts).not.toEqual([]);
    expect(texts.map(normalizeEndpoint)).toEqual(texts.map(() => codeIn(canonical)[0]));
  });

  test('lists every name that is not a host', () => {
    const [, listed] = /unless it is the name of a network or scheme: (.*?)\. /s.exec(readme) ?? [];
    expect(codeIn(listed).toSorted()).toEqual([...SCHEMES].toSorted());
  });
});
