import { fstatSync, readdirSync, readFileSync, readlinkSync, writeSync } from 'node:fs';
import type { BigIntStats } from 'node:fs';
import { Socket } from 'node:net';
import type { SocketConstructorOpts } from 'node:net';
import { claimDescriptor, errnoOf, kernelEntry } from '@rpcplugin/transport-base';
import { TransportError } from '@rpcplugin/transport-core';
import type { TransportErrorCode } from '@rpcplugin/transport-core';

/** What a descriptor is opened for. */
export type Direction = 'both' | 'input' | 'output';

const STREAMS = 'Pass a pair of stream sockets, or pipes.';
const CONNECTION = 'Pass one end of a connection, such as that of socketpair(2), not a listener.';
const OWN = 'was not passed to this process, which has a descriptor of its own there';
const LAUNCHED =
  'Is this a plugin that was started by hand? Its host passes the connection when it launches the plugin, ' +
  "such as with spawn(…, { stdio: ['ignore', 'pipe', 'inherit', 'pipe'] }) for descriptor 3.";

/**
 * Checks, before anything touches a descriptor, that it is a connection that this process was started with. Without one
 * at 3, Node itself has a descriptor there, and reading from that would break the process.
 *
 * @throws TransportError `NOT_FOUND`, `NOT_A_SOCKET` or `INVALID_ARGUMENT`
 */
export function assertConnection(fd: number, direction: Direction): void {
  const stats = statsOf(fd);
  if (stats.isSocket()) assertConnected(fd, stats.ino);
  else if (stats.isFIFO()) assertPipe(fd, direction);
  else if (hasKind(Number(stats.mode))) throw failure('NOT_A_SOCKET', fd, 'is neither a socket nor a pipe', LAUNCHED);
  else throw failure('NOT_FOUND', fd, OWN, LAUNCHED);
}

/**
 * Opens a descriptor as a socket that does not begin to read. The socket closes it when it is destroyed, except the
 * descriptors 0 to 2, which Node never closes.
 *
 * @throws TransportError `NOT_A_SOCKET`, or `ADDRESS_IN_USE` if this process reads from it; it is left as it was.
 */
export function openDescriptor(fd: number, direction: Direction, allowHalfOpen: boolean): Socket {
  const options: SocketConstructorOpts & { manualStart: true } = {
    fd,
    allowHalfOpen,
    readable: direction !== 'output',
    writable: direction !== 'input',
    // Node has no public option not to read at once. It uses this one for its own standard input.
    manualStart: true,
  };
  let socket: Socket | undefined;
  claimDescriptor(fd, () => socket?.destroyed === false);
  try {
    socket = new Socket(options);
    return socket;
  } catch (error) {
    switch (errnoOf(error)) {
      case 'ERR_INVALID_FD_TYPE':
        throw failure('NOT_A_SOCKET', fd, 'is not a stream socket', STREAMS, error);
      case 'EEXIST':
        throw failure('ADDRESS_IN_USE', fd, 'is in use in this process', 'Do not use process.stdin as well.', error);
      default:
        throw error;
    }
  }
}

function statsOf(fd: number): BigIntStats {
  try {
    return fstatSync(fd, { bigint: true });
  } catch (error) {
    if (errnoOf(error) !== 'EBADF') throw error;
    throw failure('NOT_FOUND', fd, 'is not open', LAUNCHED, error);
  }
}

/** Whether an inode is a file of any kind. Descriptors of the kernel's own, such as that of epoll, have none. */
function hasKind(mode: number): boolean {
  return (mode & 0o170000) !== 0;
}

function assertConnected(fd: number, ino: bigint): void {
  const known = kernelEntry(ino);
  // Node finds out what other sockets are when it opens them. A write would send a datagram.
  if (known?.isStream === false) throw failure('NOT_A_SOCKET', fd, 'is not a stream socket', STREAMS);
  if (known?.isListening === true) throw failure('INVALID_ARGUMENT', fd, 'is a listener', CONNECTION);
  if (known?.family !== 'unix') return;
  try {
    writeSync(fd, Buffer.alloc(0));
  } catch (error) {
    // Any other error is that of a connection, such as one whose peer has left: there may be input from it.
    if (errnoOf(error) !== 'ENOTCONN') return;
    throw failure('INVALID_ARGUMENT', fd, 'is a socket without a connection', CONNECTION, error);
  }
}

function assertPipe(fd: number, direction: Direction): void {
  if (direction === 'both') {
    const hint = 'Pass a pair of sockets, or give two pipes as input and output.';
    throw failure('NOT_A_SOCKET', fd, 'is a pipe, which has one direction', hint);
  }
  const access = accessOf(fd);
  if (access !== undefined && !access.includes(direction)) {
    const hint = 'Give the reading end of one pipe as input, and the writing end of another as output.';
    throw failure('INVALID_ARGUMENT', fd, `is the other end of a pipe: it has no ${direction}`, hint);
  }
  if (isInternal(fd)) throw failure('NOT_FOUND', fd, OWN, LAUNCHED);
}

/** What a descriptor was opened for, where `/proc` tells (proc(5), fdinfo). */
function accessOf(fd: number | string): Direction | 'input and output' | undefined {
  try {
    const [, flags = ''] = /^flags:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8')) ?? [];
    return (['input', 'output', 'input and output'] as const)[Number.parseInt(flags, 8) & 3];
  } catch {
    return undefined;
  }
}

/** Whether this process has both ends of a pipe without a name: Node has some, to wake up its own threads. */
function isInternal(fd: number): boolean {
  try {
    const pipe = readlinkSync(`/proc/self/fd/${fd}`);
    if (!pipe.startsWith('pipe:')) return false;
    return descriptorsOf(pipe).some((other) => accessOf(other) !== accessOf(fd));
  } catch {
    return false;
  }
}

function descriptorsOf(target: string): string[] {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === target;
    } catch {
      // The descriptor of the listing itself.
      return false;
    }
  });
}

function failure(code: TransportErrorCode, fd: number, what: string, hint: string, cause?: unknown): TransportError {
  return new TransportError(code, `descriptor ${fd} ${what}`, { hint, cause });
}
