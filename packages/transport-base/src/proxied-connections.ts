import { readSync } from 'node:fs';
import type { Server, Socket } from 'node:net';
import { TransportError } from '@rpcplugin/transport-core';
import type { ConnectionInfo } from '@rpcplugin/transport-core';
import type { ListenContext } from './addresses.js';
import type { Operation } from './operation.js';
import { durationOption, invalidOption } from './options.js';
import { badHeader, HEADER_HINT, ProxyHeader } from './proxy-protocol.js';
import type { ReadBytes } from './proxy-protocol.js';
import { realTime } from './real-time.js';
import { errnoOf } from './system-errors.js';

/** Options of the PROXY protocol that every socket transport has. */
export interface ProxyProtocolOptions {
  /**
   * How long the header of a connection may take, in milliseconds, before the connection is closed. `Infinity` means
   * for ever. proxy-protocol.txt, section 2, recommends at least three seconds, to cover a TCP retransmit.
   * Default: 3000.
   */
  readonly timeoutMs?: number | undefined;
}

/** How a listener receives the header of the PROXY protocol. */
export interface ProxyProtocol {
  /** The time limit for the header of a connection, in milliseconds. */
  readonly timeoutMs: number;
  /** Why a connection is closed unread, such as that of an unknown peer; `undefined` if it is not. Default: none is. */
  readonly refusal?: ((socket: Socket) => TransportError | undefined) | undefined;
}

/**
 * Checks the option `proxyProtocol`, which is `undefined` for peers that are clients.
 *
 * @throws TransportError `INVALID_ARGUMENT` if it cannot be used.
 */
export function proxyProtocolOption(options: ProxyProtocolOptions | null | undefined): ProxyProtocol | undefined {
  if (options === undefined) return undefined;
  // For untyped callers: `true` would not say who is trusted.
  if (typeof options !== 'object' || options === null) {
    throw invalidOption('proxyProtocol', options, 'Give an object, or leave it out.');
  }
  return { timeoutMs: durationOption('proxyProtocol.timeoutMs', options.timeoutMs, 3000) };
}

/** Returns a listener for the `connection` events of a server, which accepts connections once it has their headers. */
export function acceptProxied(
  { timeoutMs, refusal }: ProxyProtocol,
  { accept, drop, pauseOnConnect }: Pick<ListenContext, 'accept' | 'drop' | 'pauseOnConnect'>,
): (socket: Socket) => void {
  const sourceOf = pauseOnConnect === true ? descriptorOf : bufferOf;
  return (socket) => {
    const error = refusal?.(socket);
    if (error !== undefined) {
      socket.destroy();
      drop('proxyProtocol', error);
      return;
    }
    accept(socket, {
      name: 'receiving the header of the PROXY protocol',
      timeoutMs,
      timeoutHint: HEADER_HINT,
      dropReason: 'proxyProtocol',
      run: (operation) => receiveHeader(socket, sourceOf(socket), operation),
    });
  };
}

/** Where the header of a connection is read. */
interface HeaderSource {
  readonly read: ReadBytes;
  /** Calls `onReadable` when there may be more to read, until the function that it returns is called. */
  watch(onReadable: () => void): () => void;
}

/** Resolves with what the header says, once it is complete. Nothing behind it is taken. The socket does not flow. */
function receiveHeader(socket: Socket, source: HeaderSource, operation: Operation): Promise<ConnectionInfo> {
  return new Promise((resolve, reject) => {
    const header = new ProxyHeader();
    const settle = (settled: () => void): void => {
      unwatch();
      removeListener();
      socket.off('end', onEnd).off('error', fail);
      // A stream without a listener for `readable` may flow again from the next tick on.
      process.nextTick(settled);
    };
    const fail = (error: Error): void => {
      settle(() => {
        reject(error);
      });
    };
    const onEnd = (): void => {
      fail(badHeader('the connection ended before one arrived'));
    };
    const onReadable = (): void => {
      try {
        const info = header.receive(source.read);
        if (info === undefined) return;
        settle(() => {
          resolve(info);
        });
      } catch (error) {
        fail(error as Error);
      }
    };
    const removeListener = operation.onCancel(fail);
    socket.on('end', onEnd).on('error', fail);
    const unwatch = source.watch(onReadable);
  });
}

/**
 * Reads from the buffer of the socket, which has read ahead. `read` leaves there what it does not return, so whatever
 * gets the socket next finds it: a stream that flows, or `http2` and `tls`, which take over the handle.
 */
function bufferOf(socket: Socket): HeaderSource {
  return {
    read: (maxBytes) => socket.read(Math.min(maxBytes, socket.readableLength)) as Buffer | null,
    watch: (onReadable) => {
      socket.on('readable', onReadable);
      return () => socket.off('readable', onReadable);
    },
  };
}

/** The longest time between two attempts to read from a descriptor, in milliseconds. */
const MAX_DELAY_MS = 16;

/**
 * Reads from the descriptor of a socket that Node must not read (`pauseOnConnect`): what Node has read is lost when
 * the socket is handed to another process. Node has no way to wait until a descriptor is readable, so it is tried again
 * and again. A header usually comes with its connection.
 */
function descriptorOf(socket: Socket): HeaderSource {
  return {
    read: (maxBytes) => {
      const fd = fdOf(socket);
      if (fd === undefined) throw unsupported();
      const bytes = Buffer.allocUnsafe(maxBytes);
      try {
        const count = readSync(fd, bytes);
        if (count === 0) throw badHeader('the connection ended before one arrived');
        return bytes.subarray(0, count);
      } catch (error) {
        if (errnoOf(error) === 'EAGAIN') return null;
        throw error;
      }
    },
    watch: (onReadable) => {
      let delayMs = 1;
      let timer: NodeJS.Timeout | undefined;
      const attempt = (): void => {
        timer = realTime.setTimeout(attempt, delayMs);
        delayMs = Math.min(2 * delayMs, MAX_DELAY_MS);
        onReadable();
      };
      const first = realTime.setImmediate(attempt);
      return () => {
        realTime.clearImmediate(first);
        realTime.clearTimeout(timer);
      };
    },
  };
}

/**
 * Checks that the headers of connections that Node must not read from can be read.
 *
 * @throws TransportError `UNSUPPORTED` if they cannot.
 */
export function assertDescriptors(server: Server): void {
  if (fdOf(server) === undefined) throw unsupported();
}

/** The descriptor of a socket or server; `undefined` if it is closed, and on Windows and Deno. */
function fdOf(of: Socket | Server): number | undefined {
  const { _handle: handle } = of as { _handle?: { readonly fd?: number } | null };
  return handle?.fd !== undefined && handle.fd >= 0 ? handle.fd : undefined;
}

function unsupported(): TransportError {
  return new TransportError('UNSUPPORTED', 'this runtime cannot read the PROXY protocol with pauseOnConnect', {
    hint: 'Leave out pauseOnConnect, or use Node on another system than Windows.',
  });
}
