import { describe, expect, test } from 'vitest';
import { bundleSize } from '../src/bundle-size.js';
import { importedModules } from '../src/imported-modules.js';

// The size of a package with all that it needs, minified and gzipped, in bytes. Each is a few per cent above the
// measured size, to show what makes it larger. Raise one only for a reason, and say it here:
// - core, by 0.4 kB: listening on the first network that works.
// - unix and tcp, from 10 kB: the lifecycle adds the endpoint and hint to every error, and checks its subclass.
// - base, by 0.1 kB, with those that contain it: a message for each connection that closes.
// - base, by 0.25 kB, with those that contain it: the queue at a full backlog, time limits that do not count a
//   standstill.
// - grpc, by 1.2 kB: both ends learn that the other has left; connections on which HTTP/2 failed are closed; bursts of
//   calls and cancelled calls.
// - endpoint-utils, by 0.4 kB, with tcp and grpc: the names of networks that are no hosts, hosts of this machine, the
//   handshake of a framework's own network, a hint for a loopback interface that is down.
// - base, tcp and grpc, by 0.2 kB: paths with `..`, one listener for many calls of a signal, warnings.
// - unix, by 4 kB: owners of files, locks and sweeps by owner, listening where links, directories or /proc are missing,
//   the watch of the file, beacons, and the directories of hosts.
// - base, by 0.25 kB, with those that contain it: connections handed to another process, and pauseOnConnect.
// - grpc, by 0.45 kB: pings during calls.
// - base, by 0.05 kB, with those that contain it: a hint for Node's permission model.
// - grpc, by 0.1 kB: a channel whose transport connects never again.
// - endpoint-utils, by 1.1 kB: the handshake line, with its hints.
// - grpc, by 1.5 kB: credentials for mutual TLS, go-plugin's broker.
// - unix, by 0.1 kB: beacons and warnings for the directories of hosts.
// - base, unix and tcp, by 1.9 kB: listening on sockets that were handed over, with the checks of their descriptors and
//   of the variables that announce them, and holding sockets. grpc, by 0.1 kB, contains a part of base that changed.
// - grpc, by 0.4 kB: a plugin's output, brokers that close what they serve.
// - base, unix and tcp, by 2 kB, tcp by 2.4 kB: the PROXY protocol. It is not loaded later, because a listener that is
//   opened must not fail for want of a module. stdio, by 0.2 kB, contains what the lifecycle needs for it.
// - base and stdio, by 0.1 and 0.5 kB: one user of a descriptor at a time, the type of sockets before anything is sent.
// - endpoint-utils and grpc, by 0.95 and 0.2 kB: address translators.
// - unix, by 0.25 kB: what a sweep decides is apart from what it removes, so that leftovers can be listed; links that
//   are no locks; short names and groups in containers.
// - base, by 0.35 kB, with those that contain it: NODE_DEBUG=rpcplugin. It is not loaded later, because loading is
//   asynchronous, and the first messages would not be seen.
test.each([
  ['@rpcplugin/transport-core', 1_050],
  ['@rpcplugin/transport-base', 11_900],
  ['@rpcplugin/transport-unix', 20_250],
  ['@rpcplugin/transport-tcp', 16_600],
  ['@rpcplugin/transport-stdio', 9_650],
  // 0.1 kB more for responses that are still being read, and sessions whose peer does not end its side.
  // 0.1 kB more for what it says on Windows and Bun.
  // 0.15 kB more to let idle plugins not wake their host, and to limit what a broker keeps.
  ['@rpcplugin/transport-grpc', 15_600],
  ['@rpcplugin/endpoint-utils', 7_400],
  ['@rpcplugin/handshake', 9_650],
])('%s is smaller than %i bytes', async (name, budget) => {
  const { gzipped } = await bundleSize(name);
  expect(gzipped).toBeLessThan(budget);
});

test('the command rpc-endpoint is smaller than 37500 bytes', async () => {
  // It starts in a process of its own, so what it loads matters less.
  const { gzipped } = await bundleSize('../../packages/rpc-endpoint/src/run.js');
  expect(gzipped).toBeLessThan(37_500);
});

describe('importing a package loads only the modules and packages that are needed at once', () => {
  // Each takes a fraction of a millisecond; node:crypto and node:dns, which are not here, take three.
  const base = [
    'node:diagnostics_channel',
    'node:fs',
    'node:path',
    'node:timers/promises',
    'node:util',
    'node:util/types',
  ];

  test.each<[name: string, packages: string[], imports: string[]]>([
    ['@rpcplugin/transport-core', ['transport-core'], []],
    ['@rpcplugin/transport-base', ['printable', 'transport-base', 'transport-core'], base],
    [
      '@rpcplugin/transport-unix',
      ['endpoint-utils', 'printable', 'transport-base', 'transport-core', 'transport-unix'],
      [...base, 'node:fs/promises', 'node:os'],
    ],
    [
      '@rpcplugin/transport-tcp',
      ['endpoint-utils', 'printable', 'transport-base', 'transport-core', 'transport-tcp'],
      base,
    ],
    [
      '@rpcplugin/transport-stdio',
      ['printable', 'transport-base', 'transport-core', 'transport-stdio'],
      [...base, 'node:stream'],
    ],
    ['@rpcplugin/endpoint-utils', ['endpoint-utils', 'printable', 'transport-core'], []],
    [
      '@rpcplugin/handshake',
      ['endpoint-utils', 'handshake', 'printable', 'transport-base', 'transport-core'],
      ['node:util/types'],
    ],
  ])('%s', async (name, packages, imports) => {
    expect(await importedModules(name)).toEqual({ packages, imports: imports.toSorted(), others: [] });
  });
});
