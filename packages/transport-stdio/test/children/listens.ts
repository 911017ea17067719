// Listens with the options in its argument, and prints the outcome as JSON.
import { fstatSync, readdirSync, readlinkSync } from 'node:fs';
import { TransportError } from '@rpcplugin/transport-core';
import { StdioTransport } from '../../src/index.js';
import type { StdioTransportOptions } from '../../src/index.js';

/** What a listen that should fail left behind. */
export interface Outcome {
  readonly code: string;
  readonly message: string;
  readonly hint: string | undefined;
  /** Whether the descriptors that were given are as they were. */
  readonly isUntouched: boolean;
}

const [, , given = '{}'] = process.argv;
const options = (given === 'own pipe' ? { input: ownPipe(), output: 1 } : JSON.parse(given)) as StdioTransportOptions;
if (given.includes('"input":0')) {
  process.stdin.on('data', () => undefined);
  // It begins to read in the next turn of the event loop.
  await new Promise(setImmediate);
}

const before = identities();
const outcome = await new StdioTransport(options).listen().then(
  () => ({ code: 'listening', message: '' }),
  (error: unknown) => {
    if (!TransportError.isInstance(error)) throw error;
    return { code: error.code, message: error.message, hint: error.hint };
  },
);
process.stdout.write(JSON.stringify({ ...outcome, isUntouched: identities() === before } satisfies Outcome | object));
process.exit();

/** The inodes of the descriptors in the options. */
function identities(): string {
  return Object.values(options)
    .map((fd: number) => {
      try {
        return fstatSync(fd).ino;
      } catch {
        return 'closed';
      }
    })
    .join(' ');
}

/** A descriptor of a pipe that Node made for itself. */
function ownPipe(): number {
  const targets = readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [{ fd: Number(fd), target: readlinkSync(`/proc/self/fd/${fd}`) }];
    } catch {
      return [];
    }
  });
  const own = targets.find(
    ({ fd, target }) =>
      fd > 3 && target.startsWith('pipe:') && targets.filter((each) => each.target === target).length > 1,
  );
  if (own === undefined) throw new Error('Node has no pipe of its own');
  return own.fd;
}
