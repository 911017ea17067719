import js from '@eslint/js';
import { createTypeScriptImportResolver } from 'eslint-import-resolver-typescript';
import { importX } from 'eslint-plugin-import-x';
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

/**
 * The arrows between the packages: what the sources of each may import besides Node's built-ins and their own files.
 * Tests may import everything that their package.json declares.
 */
const arrows = {
  'transport-core': [],
  'transport-base': ['@rpcplugin/transport-core'],
  'endpoint-utils': ['@rpcplugin/transport-core'],
  'transport-tcp': ['@rpcplugin/transport-core', '@rpcplugin/transport-base', '@rpcplugin/endpoint-utils'],
  'transport-unix': ['@rpcplugin/transport-core', '@rpcplugin/transport-base', '@rpcplugin/endpoint-utils'],
  'transport-stdio': ['@rpcplugin/transport-core', '@rpcplugin/transport-base'],
  handshake: ['@rpcplugin/transport-core', '@rpcplugin/transport-base', '@rpcplugin/endpoint-utils'],
  'rpc-endpoint': [
    '@rpcplugin/transport-core',
    '@rpcplugin/transport-base',
    '@rpcplugin/endpoint-utils',
    '@rpcplugin/transport-tcp',
    '@rpcplugin/transport-unix',
    '@rpcplugin/transport-unix/leftovers',
  ],
  'transport-testkit': ['@rpcplugin/transport-core', '@rpcplugin/transport-base', 'vitest'],
  'transport-grpc': [
    '@rpcplugin/transport-core',
    '@rpcplugin/transport-base',
    '@rpcplugin/endpoint-utils',
    '@grpc/grpc-js',
  ],
};

/** Private packages whose code is bundled into the packages that import them. */
const bundled = ['@rpcplugin/printable'];

const escape = (text) => text.replace(/[/.]/g, '\\$&');

/** Forbids imports other than relative ones, built-ins and the main entries of `allowed`. */
const onlyImports = (allowed) => [
  'error',
  {
    patterns: [
      {
        regex: `^(?!\\.|node:${allowed.map((name) => `|${escape(name)}$`).join('')})`,
        message: `Only node: built-ins${allowed.map((name) => `, ${name}`).join('')} may be imported here.`,
      },
      { regex: '^(\\.\\./)+(src|[^.]*/src)/', message: 'Sources do not reach into another package.' },
    ],
  },
];

export default defineConfig(
  { ignores: ['**/dist/', '.site/', '**/coverage/', '.stryker/', '.vitest/', '**/generated/'] },
  js.configs.recommended,
  { files: ['**/*.{js,mjs}'], languageOptions: { globals: { console: 'readonly', process: 'readonly' } } },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    plugins: { 'import-x': importX },
    // One program for all packages: a project service would make one for each, and take half as long again.
    languageOptions: { parserOptions: { project: './tsconfig.json', tsconfigRootDir: import.meta.dirname } },
    settings: {
      'import-x/resolver-next': [
        createTypeScriptImportResolver({ conditionNames: ['@rpcplugin/source', 'node', 'import', 'types', 'default'] }),
      ],
      'import-x/parsers': { '@typescript-eslint/parser': ['.ts'] },
    },
    rules: {
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/only-throw-error': ['error', { allowThrowingUnknown: true, allowThrowingAny: false }],
      'import-x/no-cycle': ['error', { ignoreExternal: false }],
      'import-x/no-relative-packages': 'error',
      'import-x/no-self-import': 'error',
      'import-x/no-unresolved': 'error',
      eqeqeq: ['error', 'always'],
    },
  },
  // Tests may import what their package declares, including development dependencies.
  ...Object.keys(arrows).map((name) => ({
    files: [`packages/${name}/**/*.ts`],
    rules: { 'import-x/no-extraneous-dependencies': ['error', { packageDir: `packages/${name}` }] },
  })),
  ...Object.entries(arrows).map(([name, allowed]) => ({
    files: [`packages/${name}/src/**/*.ts`],
    rules: {
      'no-restricted-imports': onlyImports([...allowed, ...bundled]),
      'import-x/no-extraneous-dependencies': [
        'error',
        { devDependencies: false, packageDir: `packages/${name}`, whitelist: bundled },
      ],
      'no-console': 'error',
    },
  })),
  {
    files: ['packages/transport-testkit/src/**/*.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector: "CallExpression[callee.object.name='assert'][callee.property.name='ok'][arguments.length=1]",
          message:
            'Pass a message: to generate one, Node parses the source, which takes a minute if it is one long line.',
        },
      ],
    },
  },
);
