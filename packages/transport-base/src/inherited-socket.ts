import { fstatSync, readFileSync, statSync } from 'node:fs';
import type { BigIntStats } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { TransportError } from '@rpcplugin/transport-core';
import type { ListenAddress, ListenContext } from './addresses.js';
import { claimDescriptor } from './descriptors.js';
import { integerOption } from './options.js';
import { listenSocket } from './sockets.js';
import type { AcceptOptions } from './sockets.js';
import { errnoOf } from './system-errors.js';

/** A socket that another process opened and handed over, by its descriptor in this one. */
export interface InheritedSocket {
  /** The descriptor. */
  readonly fd: number;
  /** The inode of the socket: another file that gets the number of the descriptor later has another one. */
  readonly ino: bigint;
}

/** Unix sockets, or IPv4 and IPv6. */
export type AddressFamily = 'unix' | 'inet';

/** What `/proc/net` says about a socket. */
export interface KernelEntry {
  /** Which addresses it has. */
  readonly family: AddressFamily;
  /** Whether it is a stream socket, not one for datagrams. */
  readonly isStream: boolean;
  /** Whether it accepts connections. */
  readonly isListening: boolean;
  /** The name that a unix socket was bound to. */
  readonly name?: string | undefined;
}

/**
 * Checks the option `fd`, the descriptor of a listening socket that was handed over.
 *
 * @throws TransportError `INVALID_ARGUMENT` unless it is the number of an open descriptor, `NOT_A_SOCKET` if that is no
 *   socket, and `UNSUPPORTED` on Windows and in workers of `node:cluster`.
 */
export function inheritedSocket(fd: number): InheritedSocket {
  integerOption('fd', fd, 0, 2 ** 31 - 1);
  if (process.platform === 'win32') {
    throw new TransportError('UNSUPPORTED', 'Node cannot listen on a descriptor on Windows', {
      hint: 'Give a host and a port instead of fd.',
    });
  }
  // In a cluster worker, `listen` would use the primary's descriptor with this number.
  if ((process.getBuiltinModule('node:cluster') as unknown as { isWorker: boolean }).isWorker) {
    throw new TransportError('UNSUPPORTED', 'a cluster worker cannot listen on its own descriptors', {
      hint: 'Start the process with child_process.spawn.',
    });
  }
  const stats = statsOfFd(fd);
  if (!stats.isSocket()) throw notASocket(fd, 'not a socket');
  return { fd, ino: stats.ino };
}

/** @throws TransportError `INVALID_ARGUMENT` if the descriptor is not open. */
export function statsOfFd(fd: number): BigIntStats {
  try {
    // On Deno, the functions of `node:fs` count descriptors of their own.
    if (process.versions['deno'] !== undefined) return statSync(`/proc/self/fd/${fd}`, { bigint: true });
    return fstatSync(fd, { bigint: true });
  } catch (cause) {
    throw unusable(
      fd,
      'not open',
      'Pass the socket to this process: with stdio of spawn, the index is its number.',
      cause,
    );
  }
}

/**
 * Starts a server on a socket that was handed over, and resolves with its address: that of a unix socket is the name
 * that it was bound to, as far as it is known. When the listener closes, this process's descriptor is closed; other
 * processes keep theirs, and connections wait in the queue for them.
 *
 * On Linux, `/proc/net` shows the state of the sockets of this process's network namespace, so a socket that cannot be
 * used is not touched. Otherwise, Node finds out by calling listen(2): a socket that was bound without listening then
 * begins to listen.
 *
 * @param settings - The TCP options of accepted connections.
 * @throws TransportError `INVALID_ARGUMENT` for a socket that was closed, is of another family, connected or not
 *   listening; `NOT_A_SOCKET` for one that is not a stream socket; `ADDRESS_IN_USE` for one that another transport has.
 */
export async function listenInherited(
  { fd, ino }: InheritedSocket,
  family: AddressFamily,
  settings: Omit<ListenAddress, 'path' | 'host' | 'port' | 'fd'>,
  options: AcceptOptions,
  context: ListenContext,
): Promise<AddressInfo | string> {
  if (context.hold !== undefined) throw unusable(fd, 'already held', 'Pass this descriptor on.');
  const stats = statsOfFd(fd);
  if (!stats.isSocket() || stats.ino !== ino) {
    throw unusable(fd, 'another file now', 'The socket was closed. A transport listens on it once.');
  }
  const known = kernelEntry(ino);
  if (known !== undefined) check(fd, family, known);
  let isOpen = true;
  claimDescriptor(fd, () => isOpen);
  context.defer(() => {
    isOpen = false;
  });
  const address = await listen(fd, settings, options, context);
  // Node knows no address of a unix socket.
  const actual = known?.family ?? (address === '' ? 'unix' : 'inet');
  if (actual !== family) throw otherFamily(fd, family);
  // TCP sockets are in the table once they listen. So this one did not before, or it is of another network namespace.
  if (known === undefined && kernelEntry(ino) !== undefined) throw notListening(fd);
  return known?.name ?? address;
}

async function listen(
  fd: number,
  settings: object,
  options: AcceptOptions,
  context: ListenContext,
): Promise<AddressInfo | string> {
  try {
    return await listenSocket({ ...settings, fd }, options, context);
  } catch (error) {
    // Of a type that Node does not know, or listen(2) refuses it.
    if (errnoOf(error) !== 'EINVAL') throw error;
    throw notASocket(fd, 'not a stream socket, or is connected', error);
  }
}

function check(fd: number, family: AddressFamily, { family: actual, isStream, isListening }: KernelEntry): void {
  if (!isStream) throw notASocket(fd, 'not a stream socket');
  if (actual !== family) throw otherFamily(fd, family);
  if (!isListening) throw notListening(fd);
}

/** What the kernel tells about a socket (proc(5)); `undefined` if it is not in the tables, or there are none. */
export function kernelEntry(ino: bigint): KernelEntry | undefined {
  // The columns: number, local and remote address, state, queues, timer, retransmits, user, timeout, inode.
  const row = `^ *\\d+: \\S+ \\S+ (\\S+) \\S+ \\S+ \\S+ +\\d+ +\\d+ ${ino} `;
  const [inet] = [...rows('tcp', row), ...rows('tcp6', row)];
  // TCP_LISTEN.
  if (inet !== undefined) return { family: 'inet', isStream: true, isListening: inet[1] === '0A' };
  // The columns: address, references, protocol, flags, type, state, inode, name.
  const found = rows('unix', `^\\S+: \\S+ \\S+ (\\S+) (\\S+) \\S+ +${ino}(?: (.*))?$`);
  // Any user can name a socket with a line break and text that looks like the row of another.
  if (found.length !== 1) return undefined;
  const [[, flags = '', type, name] = ['']] = found;
  // __SO_ACCEPTCON and SOCK_STREAM.
  const isListening = (Number.parseInt(flags, 16) & 0x1_0000) !== 0;
  return { family: 'unix', isStream: type === '0001', isListening, name };
}

function rows(table: string, pattern: string): RegExpExecArray[] {
  try {
    return [...readFileSync(`/proc/net/${table}`, 'utf8').matchAll(new RegExp(pattern, 'gm'))];
  } catch {
    return [];
  }
}

function unusable(fd: number, what: string, hint: string, cause?: unknown): TransportError {
  return new TransportError('INVALID_ARGUMENT', `descriptor ${fd} is ${what}`, { hint, cause });
}

function notASocket(fd: number, what: string, cause?: unknown): TransportError {
  return new TransportError('NOT_A_SOCKET', `descriptor ${fd} is ${what}`, {
    hint: 'Give the descriptor of a stream socket that listens.',
    cause,
  });
}

function notListening(fd: number): TransportError {
  return unusable(fd, 'a socket that does not listen', 'Call listen(2) on the socket before passing it.');
}

function otherFamily(fd: number, family: AddressFamily): TransportError {
  const [actual, right] =
    family === 'unix' ? ['a TCP socket', 'TCPSocketTransport'] : ['a unix socket', 'UnixSocketTransport'];
  return unusable(fd, actual, `Use ${right}.`);
}
