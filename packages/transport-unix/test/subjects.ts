import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathOf, sourceLoader, staleSocketAt } from '@rpcplugin/test-support/process';
import { stuckServer } from '@rpcplugin/transport-testkit';
import type { TransportSubject } from '@rpcplugin/transport-testkit';
import { UnixSocketTransport } from '../src/index.js';
import type { UnixSocketTransportOptions } from '../src/index.js';

/** The directory in which the transports of one test case listen, and one without listeners. */
interface Place {
  readonly directory: string;
  readonly elsewhere: string;
  /** Makes names unique. */
  count: number;
}

function subject(name: string, options: (place: Place) => UnixSocketTransportOptions): TransportSubject<Socket> {
  const { XDG_RUNTIME_DIR: runtimeDirectory } = process.env;
  let current: Place | undefined;
  const cleanups: (() => Promise<void>)[] = [];

  function place(): Place {
    if (current !== undefined) return current;
    const [directory, elsewhere] = [mkdtempSync(join(tmpdir(), 'case-')), mkdtempSync(join(tmpdir(), 'case-'))];
    // For a transport without a path or directory.
    process.env['XDG_RUNTIME_DIR'] = directory;
    current = { directory, elsewhere, count: 0 };
    return current;
  }

  function unused(...names: string[]): string {
    const { elsewhere, count } = place();
    place().count++;
    return join(elsewhere, `${count}`, ...names);
  }

  return {
    create: () => new UnixSocketTransport(options(place())),
    capabilities: {
      canonical: /^unix:\/.*[^/]$/,
      createAt: (endpoint) => new UnixSocketTransport({ path: pathOf(endpoint) }),
      malformed: ['', 'unix:', 'unix:/', '/tmp/', 'unix:/tmp/a\0b', 'unix:/tmp/a\nb', '/tmp/..'],
      foreign: ['127.0.0.1:1', '[::1]:1', 'tcp://127.0.0.1:1', 'localhost:1'],
      absent: {
        'an absent file': { code: 'NOT_FOUND', make: () => `unix:${unused()}` },
        'an absent directory': { code: 'NOT_FOUND', make: () => `unix:${unused('nested', 's')}` },
        // On Bun, listen does not replace a stale file.
        ...(process.versions['bun'] === undefined && {
          'a stale file': {
            code: 'CONNECTION_REFUSED',
            make: async () => {
              const path = unused('s');
              await mkdir(join(path, '..'));
              await staleSocketAt(path);
              return `unix:${path}`;
            },
          },
        }),
      },
      stuck: async () => {
        const path = unused();
        const { end } = await stuckServer({ path });
        cleanups.push(end);
        return `unix:${path}`;
      },
      leftovers: () => readdirSync(place().directory, { recursive: true }).map(String),
      module: { url: import.meta.url, name, execArgv: sourceLoader },
      cleanUp: async () => {
        for (const cleanup of cleanups.splice(0)) await cleanup();
        if (current === undefined) return;
        if (runtimeDirectory === undefined) delete process.env['XDG_RUNTIME_DIR'];
        else process.env['XDG_RUNTIME_DIR'] = runtimeDirectory;
        for (const directory of [current.directory, current.elsewhere]) rmSync(directory, { recursive: true });
        current = undefined;
      },
    },
  };
}

export const byPath = subject('byPath', (place) => ({ path: join(place.directory, 'made', `${place.count++}.sock`) }));
export const byDirectory = subject('byDirectory', ({ directory }) => ({ directory: join(directory, 'made') }));
export const automatic = subject('automatic', () => ({}));
