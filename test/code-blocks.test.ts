// Every code block of the guides and READMEs is checked by TypeScript against the sources: its syntax, its imports and
// its types. A block that says in comments what it prints runs here. Other programs run in guides.test.ts, in
// errors-guide.test.ts, and in the readme.test.ts of their packages.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, URL } from 'node:url';
import { codeBlocks, run, script } from '@rpcplugin/test-support';
import ts from 'typescript';
import { beforeAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const readmesIn = (folder: string): string[] =>
  readdirSync(join(root, folder)).map((name) => `${folder}/${name}/README.md`);
const guides = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md'));
const pages = [
  ...['README.md', 'CONTRIBUTING.md', 'SECURITY.md'],
  ...['benchmarks', 'interop', 'machines'].map((folder) => `${folder}/README.md`),
  ...guides.map((name) => `docs/${name}`),
  ...readmesIn('packages'),
  ...readmesIn('examples'),
];

/** The folder whose files and dependencies the blocks of a page import. Default: that of an example, else `test`. */
const folders: Readonly<Record<string, string>> = {
  'docs/other-machines.md': 'machines/src',
  'packages/transport-testkit/README.md': 'examples/custom-transport/test',
};

/** What the fragments of a page, its blocks without an import, take from the text around them. */
const surroundings: Readonly<Record<string, string>> = {
  'docs/design.md': `
    import type { Duplex } from 'node:stream';
    import type { Dialer, Listener } from '@rpcplugin/transport-base';
    import type { CloseOptions, ConnectOptions, ListenOptions } from '@rpcplugin/transport-core';`,
  'packages/handshake/README.md': `
    import type { Identity } from '@rpcplugin/handshake';
    import { mutualTls } from '@rpcplugin/transport-grpc';
    declare const own: Identity, peerCertificate: string;`,
  'packages/transport-grpc/README.md': `
    import type { Server } from '@grpc/grpc-js';
    import type { Identity } from '@rpcplugin/handshake';
    import { GrpcBroker, mutualTls } from '@rpcplugin/transport-grpc';
    import type { GrpcConnection, GrpcListener } from '@rpcplugin/transport-grpc';
    import { tcpTransportFactory } from '@rpcplugin/transport-tcp';
    import { unixTransportFactory } from '@rpcplugin/transport-unix';
    import { GRPCBroker } from '../examples/framework/src/protos.js';
    declare const connection: GrpcConnection, listener: GrpcListener, server: Server;
    declare const own: Identity, peerCertificate: string, number: number;`,
  'packages/transport-stdio/README.md': `
    import type { ChildProcessWithoutNullStreams } from 'node:child_process';
    import { StdioTransport } from '@rpcplugin/transport-stdio';
    declare const child: ChildProcessWithoutNullStreams;`,
  'packages/transport-unix/README.md': `
    import type { UnixSocketTransport } from '@rpcplugin/transport-unix';
    declare const transport: UnixSocketTransport;`,
  'examples/framework/README.md': `
    import { KV } from '../kv/src/protos.js';
    import type { KVHandlers } from '../kv/src/generated/proto/KV.js';
    import { launch, restarts } from './src/host.js';
    import type { Plugin } from './src/host.js';
    import { serve } from './src/plugin.js';
    declare const handlers: KVHandlers, use: (plugin: Plugin) => void;`,
};

/** What the types of Node and grpc-js do not know, by page. */
const untyped: Readonly<Record<string, string>> = {
  'docs/diagnostics.md': "not assignable to parameter of type 'ChannelListener'",
  'docs/getting-started.md': "Property 'Greeter' does not exist on type 'ProtobufTypeDefinition | GrpcObject |",
  'packages/transport-stdio/README.md':
    "Type 'Readable | Writable | null | undefined' is not assignable to type 'Duplex",
};

interface Block {
  readonly page: string;
  readonly code: string;
  /** Where it would be, were it a file. */
  readonly file: string;
}

const isFragment = (code: string): boolean => !/^ *(import|export) /m.test(code);

const blocks = pages.flatMap((page) => {
  const text = readFileSync(join(root, page), 'utf8');
  const folder = folders[page] ?? /^examples\/[^/]+/.exec(page)?.[0] ?? 'test';
  return ['js', 'ts'].flatMap((language) =>
    codeBlocks(text, language).map((code, index): Block => {
      // The declarations around a fragment are TypeScript.
      const extension = isFragment(code) ? 'mts' : `m${language}`;
      return { page, code, file: join(root, folder, `${page.replaceAll(/\W/g, '-')}-${index + 1}.${extension}`) };
    }),
  );
});

/** The block as the module that the compiler reads. Its lines keep their numbers. */
function moduleOf({ page, code }: Block): string {
  if (isFragment(code)) return `${surroundings[page]?.replaceAll('\n', ' ') ?? ''} { ${code} }`;
  // A file is on the same page or, for the guides that continue it, in "Getting started".
  return code.replaceAll(/ from '\.\/(\w+\.mjs)'/g, (_, name: string) => {
    const named = blocks.filter((other) => other.code.startsWith(`// ${name}\n`));
    const found = named.find((other) => other.page === page) ?? named.find((other) => other.page.includes('started'));
    return ` from '${found?.file}'`;
  });
}

/** The codes of the compiler's errors about what has no type, such as a parameter in JavaScript. */
const IMPLICIT_ANY = /^7\d\d\d$/;

/** What the compiler says about each file. */
function check(files: ReadonlyMap<string, string>): (file: string) => string[] {
  const options: ts.CompilerOptions = {
    strict: true,
    exactOptionalPropertyTypes: true,
    // JavaScript cannot say the type of what it catches.
    useUnknownInCatchVariables: false,
    target: ts.ScriptTarget.ES2023,
    lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts'],
    module: ts.ModuleKind.NodeNext,
    moduleDetection: ts.ModuleDetectionKind.Force,
    customConditions: ['@rpcplugin/source'],
    types: ['node'],
    allowJs: true,
    checkJs: true,
    noEmit: true,
    skipLibCheck: true,
  };
  const host = ts.createCompilerHost(options);
  host.fileExists = (file) => files.has(file) || ts.sys.fileExists(file);
  host.readFile = (file) => files.get(file) ?? ts.sys.readFile(file);
  const program = ts.createProgram([...files.keys()], options, host);
  return (file) => {
    const source = program.getSourceFile(file);
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)]
      .filter(({ code }) => !(file.endsWith('.mjs') && IMPLICIT_ANY.test(String(code))))
      .map(({ messageText, start = 0 }) => {
        const line = source === undefined ? 0 : ts.getLineAndCharacterOfPosition(source, start).line + 1;
        return `line ${line}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
      });
  };
}

describe('a code block', () => {
  let errorsIn: ReturnType<typeof check>;

  beforeAll(() => {
    errorsIn = check(new Map(blocks.map((block) => [block.file, moduleOf(block)])));
  });

  it.each(blocks)('of $page is correct for TypeScript and for Node 20 (block %#)', ({ page, code, file }) => {
    const known = untyped[page];
    expect(errorsIn(file).filter((error) => known === undefined || !error.includes(known))).toEqual([]);
    // TypeScript would compile it, but Node 20 and 22 do not have it.
    expect(code).not.toMatch(/\busing \w+ =/);
  });

  it.each(Object.entries(untyped))('of %s needs its exception', (page, known) => {
    const errors = blocks.filter((block) => block.page === page).flatMap(({ file }) => errorsIn(file));
    expect(errors).toContainEqual(expect.stringContaining(known));
  });

  it('is a fragment only where its surroundings are known', () => {
    const fragmentary = new Set(blocks.filter(({ code }) => isFragment(code)).map(({ page }) => page));
    expect([...fragmentary].sort()).toEqual(Object.keys(surroundings).sort());
  });
});

/** The blocks in which each line that prints ends with a comment, with these comments; not the files of a program. */
const printing = blocks.flatMap((block) => {
  if (/^\/\/ \S+\.mjs\n/.test(block.code)) return [];
  const lines = block.code.match(/^ *console\.log\(.*/gm) ?? [];
  const comments = lines.flatMap((line) => / \/\/ (.*)$/.exec(line)?.[1] ?? []);
  return comments.length > 0 && comments.length === lines.length ? [{ ...block, comments }] : [];
});

it.each(printing)('a code block of $page prints what its comments say (%#)', async ({ code, comments }) => {
  const stdout = comments.map((comment) => `${comment}\n`).join('');
  expect(await run(script(import.meta.url, code))).toEqual({ status: 0, stderr: '', stdout });
});
