// The versions of Node and TypeScript that pages name are those that the packages declare and that are tested.
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath, URL } from 'node:url';
import { describe, expect, it } from 'vitest';

interface Manifest {
  readonly engines: { readonly node: string };
  readonly exports: Readonly<Record<string, unknown>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

const root = new URL('..', import.meta.url);
/** The text of a file, its lines joined. */
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8').replaceAll(/\s+/g, ' ');
const manifestOf = (name: string): Manifest => JSON.parse(read(`packages/${name}/package.json`)) as Manifest;
const packages = readdirSync(fileURLToPath(new URL('packages', root)));
const libraries = packages.filter((name) => '.' in manifestOf(name).exports);

/** The versions with which scripts/check-packages.mjs compiles, and the first that compiles CommonJS. */
const script = read('scripts/check-packages.mjs');
const typescripts = Array.from(
  (/const typescripts = \[(.*?)\];/.exec(script)?.[1] ?? '').matchAll(/'(.*?)'/g),
  ([, version = '']) => version,
);
const [, firstRequiring = ''] = /const firstRequiring = '(.*?)';/.exec(script) ?? [];

const sentence =
  `The types need TypeScript ${typescripts[0]} or later, ${firstRequiring} to \`require()\` from CommonJS, ` +
  'and `@types/node` 20 or later.';

describe('TypeScript', () => {
  it('is tested from the first version that can require the packages on', () => {
    expect(typescripts).toContain(firstRequiring);
  });

  it.each([...libraries.map((name) => `packages/${name}/README.md`), 'README.md', 'docs/compatibility.md'])(
    'has the oldest version that is tested in %s',
    (page) => {
      expect(read(page)).toContain(sentence);
    },
  );

  it('has each version that is tested in docs/compatibility.md', () => {
    const listed = `${typescripts.slice(0, -1).join(', ')} and ${typescripts.at(-1)}`;
    expect(read('docs/compatibility.md')).toContain(`with TypeScript ${listed}, `);
  });

  // Those without this peer get it with transport-core.
  it.each(libraries)('needs the types of Node that %s declares', (name) => {
    expect(manifestOf(name).peerDependencies?.['@types/node'] ?? '>=20').toBe('>=20');
  });
});

describe('Node', () => {
  it.each(packages)('has the versions that %s declares in its README', (name) => {
    const versions = manifestOf(name)
      .engines.node.replaceAll(/[\^>=]/g, '')
      .split(' || ');
    const listed = `${versions.slice(0, -1).join(', ')} or ${versions.at(-1)}`;
    expect(read(`packages/${name}/README.md`)).toContain(`It needs Node.js ${listed}, or a later version`);
  });
});
