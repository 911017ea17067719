import { describe, expect, test } from 'vitest';
import { bundleSize } from '../src/bundle-size.js';
import { importedModules } from '../src/imported-modules.js';

// What a package and all that it needs may take, minified and gzipped, in bytes. That of transport-unix is a promise; the others are
// a few per cent above what they took when this was written, so that what makes them larger is seen.
test.each([
  ['@rpcplugin/transport-unix', 10_000],
  ['@rpcplugin/transport-tcp', 10_000],
  ['@rpcplugin/transport-grpc', 9_800],
  ['@rpcplugin/transport-core', 6_000],
  ['@rpcplugin/endpoint-utils', 4_800],
])('%s takes less than %i bytes', async (name, budget) => {
  const { gzipped } = await bundleSize(name);
  expect(gzipped).toBeLessThan(budget);
});

describe('an import loads no module but those that are needed at once, and few packages', () => {
  // Each takes a part of a millisecond, node:crypto and node:dns three.
  const core = ['node:diagnostics_channel', 'node:fs', 'node:path', 'node:timers/promises', 'node:util/types'];

  test.each<[name: string, packages: string[], imports: string[]]>([
    ['@rpcplugin/transport-core', ['transport-core'], core],
    [
      '@rpcplugin/transport-unix',
      ['endpoint-utils', 'transport-core', 'transport-unix'],
      [...core, 'node:events', 'node:fs/promises', 'node:os'],
    ],
    ['@rpcplugin/transport-tcp', ['endpoint-utils', 'transport-core', 'transport-tcp'], core],
    ['@rpcplugin/endpoint-utils', ['endpoint-utils', 'transport-core'], []],
  ])('%s', async (name, packages, imports) => {
    expect(await importedModules(name)).toEqual({ packages, imports: imports.toSorted(), others: [] });
  });
});
