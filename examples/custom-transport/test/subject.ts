import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sourceLoader } from '@rpcplugin/test-support/process';
import type { TransportSubject } from '@rpcplugin/transport-testkit';
import { FifoTransport } from '../src/fifo-transport.js';

/** What one case has used, by name; made when it is asked for, and gone after the case. */
const directories = new Map<'transports' | 'others', string>();
/** Named pipes that are open, and that nobody reads. */
const unread: number[] = [];
let count = 0;

function directory(name: 'transports' | 'others'): string {
  const path = directories.get(name) ?? mkdtempSync(join(tmpdir(), 'fifo-'));
  directories.set(name, path);
  return path;
}

export const fifo: TransportSubject = {
  create: () => new FifoTransport(join(directory('transports'), `${++count}`)),
  capabilities: {
    canonical: /^fifo:\/./,
    createAt: (endpoint) => new FifoTransport(endpoint.replace('fifo:', '')),
    malformed: ['', 'fifo:', 'fifo:relative', 'fifo:/a\nb', 'fifo:/a\0b'],
    foreign: ['127.0.0.1:1', 'unix:/tmp/s', '/tmp/s'],
    absent: {
      'a name that nobody has': { code: 'NOT_FOUND', make: () => `fifo:${join(directory('others'), `${++count}`)}` },
    },
    stuck: () => {
      const path = join(directory('others'), `${++count}`);
      execFileSync('mkfifo', [path]);
      unread.push(openSync(path, constants.O_RDWR));
      return `fifo:${path}`;
    },
    leftovers: () => readdirSync(directory('transports')),
    module: {
      url: import.meta.url,
      name: 'fifo',
      // Only because this is TypeScript, and tests the kit from its sources.
      execArgv: sourceLoader,
    },
    cleanUp: () => {
      for (const descriptor of unread.splice(0)) closeSync(descriptor);
      for (const path of directories.values()) rmSync(path, { recursive: true });
      directories.clear();
    },
  },
};
