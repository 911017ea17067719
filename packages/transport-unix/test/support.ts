import { once } from 'node:events';
import { readdir, readFile, stat } from 'node:fs/promises';
import { connect } from 'node:net';
import type { Server } from 'node:net';
import { fileURLToPath } from 'node:url';
import { descriptorTargets, isRoot, plainListener, startControlled, timers } from '@rpcplugin/test-support';
import type { Child, ProgramOptions } from '@rpcplugin/test-support';
import { onTestFinished } from 'vitest';
import { UnixSocketTransport } from '../src/index.js';
import { ownedName } from '../src/owner.js';
import type { UnixSocketTransportOptions } from '../src/index.js';
import { bundleChild } from './bundle.js';
import type { Command, Reply } from './children/controlled.js';

export const packageDirectory = fileURLToPath(new URL('..', import.meta.url));

/** A transport that is closed after the test. Errors are ignored: a test may make close fail. */
export function transport(options?: UnixSocketTransportOptions): UnixSocketTransport {
  const created = new UnixSocketTransport(options);
  onTestFinished(() => created.close({ graceMs: 0 }).catch(() => undefined));
  return created;
}

/** Starts a plain listener that sends "hello" and is closed after the test. */
export function plainServer(path: string): Promise<Server> {
  return plainListener({ path }, (socket) => socket.end('hello'));
}

/** Whether the listener at a path sends "hello". */
export async function saysHello(path: string): Promise<boolean> {
  const socket = connect(path);
  const [data] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  return String(data) === 'hello';
}

/** The staging directories in a directory. Listen removes them before it settles. */
export async function stagingIn(directory: string): Promise<string[]> {
  return (await readdir(directory)).filter((name) => name.startsWith('.'));
}

/** The name of a staging directory of this user. */
export const stagingName = `.rpcplugin-${process.getuid?.()}`;

/** A file name like those of this process, but of one that has ended. */
export function nameOfGone(kind: string): string {
  // Larger than any process ID: proc_sys_kernel(5).
  return ownedName(kind).replace(/^([a-z]+-[0-9a-f]{10})-\d+-\d+-/, '$1-4194305-4194305-');
}

/** A file name like those of this process, but of one in another PID namespace, or of an earlier boot. */
export function nameOfUnknown(kind: string): string {
  return ownedName(kind).replace(/^([a-z]+)-[0-9a-f]{10}-/, '$1-0123456789-');
}

/** The permission bits of a file. */
export async function modeOf(path: string): Promise<number> {
  return (await stat(path)).mode & 0o7777;
}

/** The number of timers and file descriptors of this process, without sockets, which close a little later. */
export function openResources(): number {
  return timers() + descriptorTargets().filter((target) => target.startsWith('/')).length;
}

/** Another group that this process may give files to; `undefined` if there is none. */
export async function otherGroup(): Promise<{ name: string; gid: number } | undefined> {
  const groups = (await readFile('/etc/group', 'utf8'))
    .split('\n')
    .map((line) => line.split(':'))
    .map(([name = '', , gid = '']) => ({ name, gid: Number(gid) }));
  const own = process.getgroups?.() ?? [];
  return groups.find(({ name, gid }) => name !== '' && gid !== process.getgid?.() && (isRoot || own.includes(gid)));
}

/** A child process with a transport. */
export type TransportChild = Child<Command, Reply>;

export function startChild(options?: ProgramOptions): Promise<TransportChild> {
  return startControlled<Command, Reply>([process.execPath, bundleChild('controlled')], options);
}
