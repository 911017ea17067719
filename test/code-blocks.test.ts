// Every code block of the guides and READMEs: that Node 20 can parse it, and that what it imports exists. Other tests run
// those that are whole programs.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, URL } from 'node:url';
import { codeBlocks } from '@rpcplugin/test-support';
import { transformSync } from 'esbuild';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const readmesIn = (folder: string): string[] =>
  readdirSync(join(root, folder)).map((name) => `${folder}/${name}/README.md`);
const guides = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md'));
const pages = [
  'README.md',
  ...guides.map((name) => `docs/${name}`),
  ...readmesIn('packages'),
  ...readmesIn('examples'),
];

const blocks = pages.flatMap((page) => {
  const text = readFileSync(join(root, page), 'utf8');
  const inLanguage = (language: 'js' | 'ts'): [string, string, 'js' | 'ts'][] =>
    codeBlocks(text, language).map((code) => [page, code, language]);
  return [...inLanguage('js'), ...inLanguage('ts')];
});

describe('a code block in', () => {
  it.each(blocks)('%s has valid code, and imports what exists (block %#)', async (_, code, loader) => {
    expect(() => transformSync(code, { loader, target: 'node20' })).not.toThrow();
    // esbuild would compile it, but Node 20 and 22 do not have it.
    expect(code).not.toMatch(/\busing \w+ =/);
    for (const [, names = '', module = ''] of code.matchAll(
      /^import \{([^}]*)\} from '(@rpcplugin\/(?!example)[^']*)'/gm,
    )) {
      const exported = Object.keys((await import(module)) as object);
      expect(exported).toEqual(expect.arrayContaining(names.split(',').map((name) => name.trim())));
    }
  });
});
