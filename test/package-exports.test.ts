import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath, URL } from 'node:url';
import { expect, it } from 'vitest';

interface Manifest {
  exports: Record<string, string | Record<string, string>>;
  publishConfig: { exports: Record<string, string | Record<string, string>> };
  scripts: { build: string };
}

const packages = new URL('../packages/', import.meta.url);

it.each(readdirSync(packages))('every entry of %s is a source file, built and published under its name', (name) => {
  const folder = new URL(`${name}/`, packages);
  const manifest = JSON.parse(readFileSync(new URL('package.json', folder), 'utf8')) as Manifest;
  const entries = Object.keys(manifest.exports).filter((entry) => entry !== './package.json');
  const built = manifest.scripts.build.match(/src\/[\w-]+\.ts/g) ?? ['src/index.ts'];
  for (const entry of entries) {
    const file = entry === '.' ? 'index' : entry.slice(2);
    expect(existsSync(fileURLToPath(new URL(`src/${file}.ts`, folder)))).toBe(true);
    expect(built).toContain(`src/${file}.ts`);
    const published = { types: `./dist/${file}.d.ts`, default: `./dist/${file}.js` };
    expect(manifest.publishConfig.exports[entry]).toEqual(published);
    expect(manifest.exports[entry]).toEqual({ '@rpcplugin/source': `./src/${file}.ts`, ...published });
  }
  expect(Object.keys(manifest.publishConfig.exports)).toEqual(Object.keys(manifest.exports));
});
