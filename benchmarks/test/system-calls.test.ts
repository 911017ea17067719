import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { plainListener, portOf, removeDirectory, typescript } from '@rpcplugin/test-support';
import { expect, onTestFinished, test } from 'vitest';
import type { Network } from '../src/programs/socket-library.js';
import { systemCalls } from '../src/system-calls.js';
import type { Calls } from '../src/system-calls.js';

// Budgets for system calls: how many a transport may make beyond those of `node:net`, used by hand for the same, in the
// same run. Unlike times, they are the same on a busy machine. Raise one only for a reason, and say it here.

type Operation = 'connect' | 'listen' | 'listen privately';

/** The system calls of one operation of a library. A listener is closed, too. */
async function callsOf(library: string, network: Network, operation: Operation, address?: string): Promise<Calls> {
  const directory = await twoLevelsDown();
  const program = new URL('./children/repeat.ts', import.meta.url);
  const command = typescript(program, library, network, operation, address ?? directory);
  return systemCalls(command, { XDG_RUNTIME_DIR: directory });
}

/** A directory just below /tmp, wherever this machine has temporary files: each level has its owner and mode checked. */
async function twoLevelsDown(): Promise<string> {
  const directory = await mkdtemp('/tmp/system-calls-');
  onTestFinished(() => removeDirectory(directory));
  return directory;
}

/** What is in `calls` beyond `others`. */
function beyond(calls: Calls, others: Calls): Calls {
  const differences = Object.entries(calls).map(([name, count]) => [name, count - (others[name] ?? 0)] as const);
  return Object.fromEntries(differences.filter(([, count]) => count > 0));
}

test.each<[network: Network, budget: Calls]>([
  ['unix', {}],
  // A connect to a port without a listener can connect to itself, which the addresses show.
  ['tcp', { getsockname: 1 }],
])('connect over %s keeps its budget of system calls', async (network, budget) => {
  const path = join(await twoLevelsDown(), 's');
  const at = network === 'unix' ? { path } : { host: '127.0.0.1', port: 0 };
  const server = await plainListener(at, (socket) => socket.resume());
  const address = network === 'unix' ? path : `127.0.0.1:${portOf(server)}`;
  const bare = await callsOf('bare', network, 'connect', address);
  expect(bare).toMatchObject({ socket: 1, connect: 1, close: 1 });
  const ours = await callsOf('transport', network, 'connect', address);
  expect(beyond(beyond(ours, bare), budget)).toEqual({});
});

test('listen over tcp keeps its budget of system calls: none', async () => {
  const bare = await callsOf('bare', 'tcp', 'listen');
  expect(bare).toMatchObject({ socket: 1, bind: 1, listen: 1, close: 1 });
  const ours = await callsOf('transport', 'tcp', 'listen');
  expect(beyond(ours, bare)).toEqual({});
});

// By hand, a socket is bound in a directory of its own, gets its mode, and is linked to its name. The transport also
// - opens the directories, so that nobody can put others in their place: open, close, stat, access;
// - looks at what has a name before it changes that, and afterwards: stat;
// - checks who can change the directory, and those above it: stat;
// - names its files by their owner, which another process can look up: readlink;
// - moves the socket into a directory of its own before it removes it, so that it removes no other: mkdir, rename,
//   unlink. In a private directory, nobody else has files, and that is left out.
test.each<{ where: string; operation: Operation; budget: Calls }>([
  {
    where: 'in a directory',
    operation: 'listen',
    budget: { open: 4, close: 4, stat: 21, access: 2, readlink: 1, mkdir: 1, rename: 1, unlink: 1 },
  },
  {
    where: 'in a private directory',
    operation: 'listen privately',
    budget: { open: 3, close: 3, stat: 19, access: 1, readlink: 1 },
  },
])('listen over unix $where keeps its budget of system calls', async ({ operation, budget }) => {
  const byHand = await callsOf('publishing', 'unix', 'listen');
  expect(byHand).toMatchObject({ socket: 1, bind: 1, listen: 1, link: 1 });
  const ours = await callsOf('transport', 'unix', operation);
  expect(beyond(beyond(ours, byHand), budget)).toEqual({});
});
