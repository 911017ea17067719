import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import type { Server } from 'node:net';
import { fileURLToPath } from 'node:url';
import { descriptorTargets, isRoot, plainListener, startControlled, timers, typescript } from '@rpcplugin/test-support';
import type { Child, ProgramOptions } from '@rpcplugin/test-support';
import { onTestFinished } from 'vitest';
import { UnixSocketTransport } from '../src/index.js';
import type { UnixSocketTransportOptions } from '../src/index.js';
import type { Command, Reply } from './children/controlled.js';

export const packageDirectory = fileURLToPath(new URL('..', import.meta.url));

/** A transport that is closed after the test. The test may have made that impossible. */
export function transport(options?: UnixSocketTransportOptions): UnixSocketTransport {
  const created = new UnixSocketTransport(options);
  onTestFinished(() => created.close({ graceMs: 0 }).catch(() => undefined));
  return created;
}

/** A plain listener that says hello, closed after the test. */
export function plainServer(path: string): Promise<Server> {
  return plainListener({ path }, (socket) => socket.end('hello'));
}

/** Whether the listener at a path says hello. */
export async function saysHello(path: string): Promise<boolean> {
  const socket = connect(path);
  const [data] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  return String(data) === 'hello';
}

/** Directories that sockets are prepared in, which are gone once a listen has settled. */
export async function stagingIn(directory: string): Promise<string[]> {
  return (await readdir(directory)).filter((name) => name.startsWith('.'));
}

/** How many timers and descriptors this process holds, apart from sockets, which close a little later. */
export function held(): number {
  return timers() + descriptorTargets().filter((target) => target.startsWith('/')).length;
}

/** A group other than this process's that it may give files to; `undefined` if it has none. */
export async function otherGroup(): Promise<{ name: string; gid: number } | undefined> {
  const groups = (await readFile('/etc/group', 'utf8'))
    .split('\n')
    .map((line) => line.split(':'))
    .map(([name = '', , gid = '']) => ({ name, gid: Number(gid) }));
  const own = process.getgroups?.() ?? [];
  return groups.find(({ name, gid }) => name !== '' && gid !== process.getgid?.() && (isRoot || own.includes(gid)));
}

/** Another process with a transport. */
export type OtherProcess = Child<Command, Reply>;

export function startOther(options?: ProgramOptions): Promise<OtherProcess> {
  const command = typescript(new URL('children/controlled.ts', import.meta.url));
  return startControlled<Command, Reply>(command, options);
}
