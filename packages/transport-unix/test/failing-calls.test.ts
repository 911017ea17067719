import { once } from 'node:events';
import { link, rm, symlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { entriesOf, freshDirectory, isStress, pathOf, settlesWithin, staleSocketAt } from '@rpcplugin/test-support';
import { expect, it, vi } from 'vitest';
import type { UnixSocketTransportOptions } from '../src/index.js';
import { startConfined } from './confined.js';
import { otherGroup, plainServer, saysHello, transport } from './support.js';
import type { TransportChild } from './support.js';
import { all, callsDuring, traceCalls, untilSwept } from './traced.js';
import type { Call } from './traced.js';

const errors = ['EIO', 'ENOSPC', 'EACCES', 'EINTR', 'EROFS', 'ENOMEM', 'EMFILE', 'EPERM', 'ENOENT'] as const;
/** The calls that a removal needs, or that find what to remove. After others, there are no leftovers. */
const ofRemovals = /^(unlink|rmdir|rename|statx|lstat|readlink)/;
/** Names of sockets that were moved aside without a staging directory: the next listener does not look for them. */
const hidden = /(^|\/)\.rpcplugin-([^/]*-)?[\w-]{12}$/;
/** The live socket of another process, beside that of the child. */
const FOREIGN = 'foreign.sock';
/** If nothing can be removed: what each of three ways to publish a socket leaves. */
const MOST_LEFTOVERS = 10;

interface Fault {
  readonly call: Pick<Call, 'name'>;
  readonly error: string;
  /** Which calls with the name fail. Default: all. */
  readonly count?: number;
}

const group = (await otherGroup())?.gid;

/** Each call fails once, and each kind of call fails always. In the suite, each call fails with one of the errors. */
function faultsOf(calls: readonly Call[]): Fault[] {
  const single = calls.flatMap((call, index) =>
    errors
      .filter((_, i) => isStress || i === index % errors.length)
      .map((error) => ({ call, error, count: call.count })),
  );
  const names = isStress ? [...new Set(calls.map(({ name }) => name))] : [];
  const always = names.flatMap((name) => errors.map((error) => ({ call: { name }, error })));
  // libuv repeats a call after EINTR, and does without statx(2) after EPERM. A thread that `/proc` lacks is gone.
  return [...single, ...always.filter(({ error }) => error !== 'EINTR')].filter(
    ({ call: { name }, error }) => !['statx EPERM', 'openat ENOENT'].includes(`${name} ${error}`),
  );
}

/** Listens, is connected to, and closes. Returns whether it could listen. Throws if the child ends. */
async function cycle(child: TransportChild, options: UnixSocketTransportOptions): Promise<boolean> {
  const { endpoint } = await child.ask({ do: 'listen', options });
  if (endpoint !== undefined) {
    const socket = connect(pathOf(endpoint));
    await once(socket, 'connect');
    socket.destroy();
  }
  await child.ask({ do: 'close' });
  return endpoint !== undefined;
}

/** What a child has open. Node's `readFileSync` leaves files in `/proc` open after a failing fstat(2). */
async function openFilesOf(child: TransportChild): Promise<string[]> {
  const { descriptors = [] } = await child.ask({ do: 'list descriptors' });
  return descriptors.filter((target) => target.startsWith('/') && !target.startsWith('/proc/'));
}

/** The entries of a directory but those that must be there. */
async function leftoversIn(directory: string, ...others: string[]): Promise<string[]> {
  return (await entriesOf(directory)).filter((entry) => entry !== FOREIGN && !others.includes(entry));
}

it.each<{
  listen: string;
  file?: 'stale' | 'live';
  /** The directories that are missing. If one cannot be removed, the next listener does not know that it may. */
  made?: string;
  options: (directory: string) => UnixSocketTransportOptions;
}>([
  { listen: 'at a path', options: (directory) => ({ path: join(directory, 'p.sock') }) },
  {
    listen: 'at the path of a stale socket',
    file: 'stale',
    options: (directory) => ({ path: join(directory, 'p.sock') }),
  },
  {
    listen: 'at the path of a live socket',
    file: 'live',
    options: (directory) => ({ path: join(directory, FOREIGN) }),
  },
  {
    listen: 'with a group in a missing directory',
    made: 'made',
    options: (directory) => ({ path: join(directory, 'made/p.sock'), group }),
  },
  { listen: 'automatically', options: () => ({}) },
])(
  'listen $listen works or rejects, whichever system call fails, and at most what could not be removed is left',
  { timeout: 600_000 },
  async ({ file, made = '', options }) => {
    const base = await freshDirectory();
    await plainServer(join(base, FOREIGN));
    // For automatic listens: a link to the directory of the moment.
    const current = join(base, 'current');
    const child = await startConfined([], { env: { XDG_RUNTIME_DIR: current, TMPDIR: current } });
    const prepare = async (): Promise<string> => {
      const directory = await freshDirectory();
      await link(join(base, FOREIGN), join(directory, FOREIGN));
      if (file === 'stale') await staleSocketAt(join(directory, 'p.sock'));
      await rm(current, { force: true });
      await symlink(directory, current);
      return directory;
    };
    const first = await prepare();
    // What the process looks up only once.
    await cycle(child, options(first));
    const second = await prepare();
    const faults = faultsOf(await callsDuring(child, all, () => cycle(child, options(second))));
    expect(faults.length).toBeGreaterThan(15);

    const before = await openFilesOf(child);
    let injected = 0;
    const used: { directory: string; fault: Fault }[] = [];
    for (const fault of faults) {
      const { call, error, count } = fault;
      const directory = await prepare();
      used.push({ directory, fault });
      const which = count === undefined ? '' : `:when=${count}`;
      const trace = await traceCalls(child, all, `${call.name}:error=${error}${which}`);
      const cycling = cycle(child, options(directory));
      expect(await settlesWithin(15_000, cycling), `${call.name} ${error}${which}`).toBe(true);
      const couldListen = await cycling;
      const calls = (await trace.end()).join('\n');
      if (calls.includes('(INJECTED)')) injected++;
      if (file === 'live') expect(couldListen, calls).toBe(false);
      expect(await saysHello(join(directory, FOREIGN)), calls).toBe(true);
      const left = await leftoversIn(directory, ...(file === 'stale' && !couldListen ? ['p.sock'] : []));
      if (!ofRemovals.test(call.name)) expect(left, calls).toEqual([]);
      // One file, or one directory, and the directories that it is in.
      else if (count !== undefined)
        expect(
          left.filter((entry) => !left.at(-1)?.startsWith(entry)),
          calls,
        ).toEqual([]);
      else expect(left.length, calls).toBeLessThanOrEqual(MOST_LEFTOVERS);
    }

    // A cycle may do without some call, such as that of a sweep which it cancels.
    expect(injected).toBeGreaterThan(faults.length * 0.9);
    expect(await openFilesOf(child)).toEqual(before);
    await child.kill();
    for (const { directory, fault } of file === 'live' ? [] : used) {
      vi.stubEnv('XDG_RUNTIME_DIR', directory);
      const lost = (await entriesOf(directory)).filter((name) => fault.count === undefined && hidden.test(name));
      expect(lost.length).toBeLessThanOrEqual(3);
      const next = transport(options(directory));
      await untilSwept(directory, await next.listen(), FOREIGN, ...lost);
      await next.close();
      expect(await leftoversIn(directory, made, ...lost)).toEqual([]);
      expect(await saysHello(join(directory, FOREIGN))).toBe(true);
    }
  },
);
