// Writes the declarations of the package in the working directory to dist, with maps to its sources, for editors.
// tsup runs it after each build, because its own declarations have no maps. `pnpm typecheck` looks for mistakes.
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import ts from 'typescript';

const { exports } = JSON.parse(readFileSync('package.json', 'utf8'));
const entries = Object.values(exports).flatMap(({ types }) => (types === undefined ? [] : [resolve(types)]));

const { config } = ts.readConfigFile('tsconfig.json', ts.sys.readFile);
const { options, fileNames } = ts.parseJsonConfigFileContent(config, ts.sys, process.cwd());
const outDir = resolve('dist');
const emit = { declaration: true, declarationMap: true, emitDeclarationOnly: true, noCheck: true };
const program = ts.createProgram(fileNames, { ...options, ...emit, rootDir: resolve('src'), outDir });
const emitted = new Map();
const { diagnostics } = program.emit(undefined, (file, text) => emitted.set(file, text));
if (diagnostics.length > 0) {
  const host = { ...ts.sys, getCanonicalFileName: (name) => name, getNewLine: () => ts.sys.newLine };
  throw new Error(ts.formatDiagnostics(diagnostics, host));
}

// Only what the entries lead to. The program has also the sources that need no declarations, and other packages'.
const needed = new Set(entries);
for (const file of needed) {
  for (const { fileName } of ts.preProcessFile(emitted.get(file)).importedFiles) {
    if (fileName.startsWith('.')) needed.add(join(file, '..', fileName.replace(/\.js$/, '.d.ts')));
  }
}
for (const file of needed) {
  writeFileSync(file, emitted.get(file));
  writeFileSync(`${file}.map`, emitted.get(`${file}.map`));
}
