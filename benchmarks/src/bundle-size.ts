import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

/** A package with its dependencies, except peers, as one ES module. */
export interface Bundle {
  readonly text: string;
  /** The sources in it, as paths. */
  readonly sources: readonly string[];
  /** The modules that it imports statically. */
  readonly imports: readonly string[];
}

/** The size of a bundle, in bytes. */
export interface BundleSize {
  readonly minified: number;
  readonly gzipped: number;
}

/** Bundles everything that a package of the workspace exports, from its sources. */
export async function bundlePackage(name: string): Promise<Bundle> {
  const { outputFiles, metafile } = await build({
    stdin: { contents: `export * from '${name}';`, resolveDir: fileURLToPath(new URL('.', import.meta.url)) },
    conditions: ['@rpcplugin/source'],
    external: ['@grpc/grpc-js'],
    bundle: true,
    minify: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    write: false,
    metafile: true,
  });
  const [file] = outputFiles;
  const [output] = Object.values(metafile.outputs);
  if (file === undefined || output === undefined) throw new Error(`esbuild made no bundle of ${name}`);
  const imports = output.imports.filter(({ kind }) => kind === 'import-statement').map(({ path }) => path);
  return {
    text: file.text,
    sources: Object.keys(output.inputs).filter((path) => path !== '<stdin>'),
    imports: [...new Set(imports)].sort(),
  };
}

/** The size of a package with its dependencies. */
export async function bundleSize(name: string): Promise<BundleSize> {
  const { text } = await bundlePackage(name);
  return { minified: Buffer.byteLength(text), gzipped: gzipSync(text, { level: 9 }).length };
}
