import * as net from 'node:net';
import { TransportError } from '@rpcplugin/transport-core';
import type { ListenAddress } from './addresses.js';

// Node starts to accept as soon as it listens, and has no public way to listen without. All that this stands on is in
// this file: `net._createServerHandle`, which `node:cluster` uses as well, and the methods of the handle.
// test/held-socket.test.ts has a test for each assumption.

/** What Node calls on the handle of a server or a socket. Each method returns 0 or a negative errno. */
interface Handle {
  /** -1 on Windows. */
  readonly fd: number;
  open(fd: number): number;
  listen(backlog: number): number;
  readStart(): number;
  readStop(): number;
  /** Only TCP. */
  getsockname?(name: Partial<net.AddressInfo>): number;
  close(): void;
}

type CreateHandle = (address: string, port: number, family: -1 | 4 | 6, fd: undefined, flags: 0) => Handle | number;

/** Node's default. */
const BACKLOG = 511;

/**
 * Listens on an address without accepting: connections wait in the kernel's queue until a process that has the
 * descriptor as well accepts them. It does not keep the process running.
 *
 * Throws the system error, or a `TransportError` `UNSUPPORTED` where the runtime cannot do it.
 */
export function holdSocket(
  { path, host = '', port = 0 }: Pick<ListenAddress, 'path' | 'host' | 'port'>,
  backlog = BACKLOG,
): { fd: number; address: net.AddressInfo | string; close: () => void } {
  const { _createServerHandle: create } = net as { _createServerHandle?: CreateHandle };
  if (create === undefined) throw unsupported();
  // Binds, without listening.
  const created =
    path === undefined
      ? create(host, port, net.isIPv6(host) ? 6 : 4, undefined, 0)
      : create(path, -1, -1, undefined, 0);
  const handle = succeeded(created);
  const close = (): void => {
    handle.close();
  };
  try {
    const { fd } = handle;
    if (!(fd >= 0)) throw unsupported();
    // Makes the handle one that can be read, by giving it the descriptor that it has. It then has a way to stop polling
    // the descriptor, which listening starts. All of this happens before the event loop polls again.
    if (handle.open(fd) !== 0) throw unsupported();
    succeeded(handle.listen(backlog));
    if (handle.readStart() !== 0 || handle.readStop() !== 0) throw unsupported();
    const bound: Partial<net.AddressInfo> = {};
    if (path === undefined) succeeded(handle.getsockname?.(bound) ?? 0);
    return { fd, address: path ?? (bound as net.AddressInfo), close };
  } catch (error) {
    close();
    // A method is missing.
    throw error instanceof TypeError ? unsupported(error) : error;
  }
}

/** The result of a call on a handle, unless it is the negative number of a system error. */
function succeeded<T>(result: T | number): T {
  if (typeof result !== 'number' || result >= 0) return result as T;
  const [code = '', message = ''] = process.getBuiltinModule('node:util').getSystemErrorMap().get(result) ?? [];
  throw Object.assign(new Error(`listen ${code}: ${message}`), { code, errno: result, syscall: 'listen' });
}

function unsupported(cause?: unknown): TransportError {
  return new TransportError('UNSUPPORTED', 'this runtime cannot listen without accepting', {
    hint: 'Use Node on another system than Windows, or let a service manager such as systemd open the socket.',
    cause,
  });
}
