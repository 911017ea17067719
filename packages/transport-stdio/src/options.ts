import type { Duplex } from 'node:stream';
import { Readable, Writable } from 'node:stream';
import { assertOptions, integerOption, invalidOption } from '@rpcplugin/transport-base';
import { TransportError } from '@rpcplugin/transport-core';

/** Where a {@link StdioTransport} has its connection: `fd`, or `duplex`, or `input` and `output`. */
export interface StdioTransportOptions {
  /**
   * The descriptor of the connection, which this process was started with: one end of a pair of stream sockets, as
   * `spawn` passes for `'pipe'`. Default: 3.
   */
  readonly fd?: number | undefined;
  /** The connection as a stream, such as `child.stdio[3]` of a child process. */
  readonly duplex?: Duplex | undefined;
  /**
   * What to read from, with `output`: the descriptor of a pipe or stream socket, such as 0, or a stream, such as
   * `child.stdout`.
   */
  readonly input?: number | Readable | undefined;
  /** What to write to, with `input`: such as the descriptor 1, or `child.stdin`. */
  readonly output?: number | Writable | undefined;
}

/** Where the connection is: in one descriptor or stream, or in one for each direction. */
export type Medium =
  { readonly both: number | Duplex } | { readonly input: number | Readable; readonly output: number | Writable };

const DEFAULT_FD = 3;
/** The largest number that a descriptor can have. */
const MAX_FD = 2 ** 31 - 1;

/**
 * Checks the options.
 *
 * @throws TransportError `INVALID_ARGUMENT` for options that cannot be used, `UNSUPPORTED` for descriptors on Windows
 * and on Bun.
 */
export function mediumOf(options: StdioTransportOptions): Medium {
  assertOptions(options);
  const { fd, duplex, input, output } = options;
  const isPair = input !== undefined || output !== undefined;
  if ([fd !== undefined, duplex !== undefined, isPair].filter(Boolean).length > 1) {
    throw new TransportError('INVALID_ARGUMENT', 'a transport has one connection, but the options name several', {
      hint: 'Give fd, or duplex, or input and output.',
    });
  }
  if (isPair && input === output) {
    throw new TransportError('INVALID_ARGUMENT', 'input and output are the same', { hint: 'Give it as fd or duplex.' });
  }
  if (isPair) return { input: half('input', input, Readable), output: half('output', output, Writable) };
  if (duplex === undefined) {
    return { both: descriptor('fd', fd ?? DEFAULT_FD) };
  }
  if (duplex instanceof Readable && duplex instanceof Writable) return { both: ownStream('duplex', duplex) };
  throw invalidOption('duplex', duplex, 'Give a stream that can be read and written, such as child.stdio[3].');
}

function half<S extends Readable | Writable>(
  name: 'input' | 'output',
  value: number | S | undefined,
  Stream: new () => Readable | Writable,
): number | S {
  if (typeof value === 'number') return descriptor(name, value);
  if (value instanceof Stream) return ownStream(name, value);
  throw invalidOption(name, value, `Give both input and output: descriptors, or a Readable and a Writable.`);
}

function descriptor(name: string, fd: number): number {
  integerOption(name, fd, 0, MAX_FD);
  // Bun's sockets never read from a descriptor that is a pipe, and lose what is written to one that is a socket.
  const unsupported =
    process.platform === 'win32' ? 'Windows' : process.versions['bun'] === undefined ? undefined : 'Bun';
  if (unsupported === undefined) return fd;
  throw new TransportError('UNSUPPORTED', `a descriptor cannot be opened as a connection on ${unsupported}`, {
    hint: 'A host gives streams, such as child.stdin and child.stdout. For a plugin, use another network.',
  });
}

/**
 * Refuses `process.stdin` and its like: writes to `process.stdout` block the process, and Node never closes them.
 *
 * @throws TransportError `INVALID_ARGUMENT`
 */
function ownStream<S extends object>(name: string, stream: S): S {
  // Not compared to `process.stdout`, whose getter would open it.
  const { fd } = stream as { fd?: unknown };
  if (typeof fd !== 'number' || fd > 2) return stream;
  throw new TransportError('INVALID_ARGUMENT', `${name} cannot be a standard stream of this process`, {
    hint: `Give its descriptor, ${fd}: writes to process.stdout block the process.`,
  });
}
