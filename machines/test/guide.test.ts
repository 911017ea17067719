import { readFileSync } from 'node:fs';
import { codeBlocks } from '@rpcplugin/test-support';
import { expect, it } from 'vitest';

const read = (file: string): string => readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');

it.each(['machines/src/plugin.ts', 'machines/src/host.ts'])('docs/other-machines.md has the code of %s', (file) => {
  expect(codeBlocks(read('docs/other-machines.md'), 'ts')).toContain(read(file));
});
