import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { bundlePackage } from './bundle-size.js';

/** The modules that importing a package loads. */
export interface ImportedModules {
  /** The packages of the workspace. */
  readonly packages: readonly string[];
  /** The modules that these import, except `node:net`. */
  readonly imports: readonly string[];
  /** Further built-in modules that get loaded, besides `node:net`, {@link imports} and what those load themselves. */
  readonly others: readonly string[];
}

// `moduleLoadList` also has Node's internal modules, which differ between versions.
const PROGRAM = `
import { builtinModules } from 'node:module';
const [file, ...imports] = process.argv.slice(2);
const loaded = () => builtinModules.filter((name) => process.moduleLoadList.includes('NativeModule ' + name));
for (const name of ['node:net', ...imports]) await import(name);
const before = loaded();
await import(file);
console.log(JSON.stringify(loaded().filter((name) => !before.includes(name))));
`;

/** Imports a package of the workspace in a new process. The package must not have peer dependencies. */
export async function importedModules(name: string): Promise<ImportedModules> {
  const { text, sources, imports } = await bundlePackage(name);
  const beyondNet = imports.filter((module) => module !== 'node:net');
  const directory = await mkdtemp(join(tmpdir(), 'imported-modules-'));
  try {
    const program = join(directory, 'program.mjs');
    const file = join(directory, 'package.mjs');
    await Promise.all([writeFile(program, PROGRAM), writeFile(file, text)]);
    const { stdout } = await promisify(execFile)(process.execPath, [program, file, ...beyondNet]);
    return {
      packages: [
        ...new Set(sources.map((path) => /(?:packages|internal)\/([\w-]+)\/src\//.exec(path)?.[1] ?? path)),
      ].sort(),
      imports: beyondNet,
      others: JSON.parse(stdout) as string[],
    };
  } finally {
    await rm(directory, { recursive: true });
  }
}
