import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { bundlePackage } from './bundle-size.js';

/** What the import of a package loads. */
export interface ImportedModules {
  /** The packages of the workspace. */
  readonly packages: readonly string[];
  /** The modules that those import, `node:net` aside. */
  readonly imports: readonly string[];
  /** Built-in modules that get loaded beyond `node:net` and {@link imports}, and what those load by themselves. */
  readonly others: readonly string[];
}

// `moduleLoadList` also has what is Node's own affair, which differs from version to version.
const PROGRAM = `
import { builtinModules } from 'node:module';
const [file, ...imports] = process.argv.slice(2);
const loaded = () => builtinModules.filter((name) => process.moduleLoadList.includes('NativeModule ' + name));
for (const name of ['node:net', ...imports]) await import(name);
const before = loaded();
await import(file);
console.log(JSON.stringify(loaded().filter((name) => !before.includes(name))));
`;

/** Imports a package of the workspace in a fresh process. It may not have peers. */
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
      packages: [...new Set(sources.map((path) => /packages\/([\w-]+)\/src\//.exec(path)?.[1] ?? path))].sort(),
      imports: beyondNet,
      others: JSON.parse(stdout) as string[],
    };
  } finally {
    await rm(directory, { recursive: true });
  }
}
