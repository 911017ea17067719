import type { Socket } from 'node:net';
import type { Duplex, Readable, Writable } from 'node:stream';
import { quote } from '@rpcplugin/printable';
import { realTime, StreamTransport } from '@rpcplugin/transport-base';
import type { DialContext, Dialer, ListenContext, Listener } from '@rpcplugin/transport-base';
import { TransportError } from '@rpcplugin/transport-core';
import type { TransportFactory } from '@rpcplugin/transport-core';
import { assertConnection, openDescriptor } from './descriptor.js';
import { mediumOf } from './options.js';
import type { Medium, StdioTransportOptions } from './options.js';
import { PairedStream } from './paired-stream.js';

/** The endpoint of every stdio transport: the connection is known by its descriptor, not by an address. */
const ENDPOINT = 'stdio:';

type Context = DialContext | ListenContext<Duplex>;

/**
 * One connection between a plugin and the process that launched it, without an address: over a descriptor that the
 * plugin inherits, by default 3, or over its standard input and output. The plugin listens, the host connects; the
 * endpoint is `stdio:`.
 *
 * A connection over one descriptor is a `net.Socket`; over two, it is a `Duplex`. It is the transport's from the first
 * `listen` or `connect`: a later one rejects with `CLOSED`, and closing the connection closes the descriptors, except 0
 * to 2, which Node keeps open.
 *
 * `listen` and `connect` reject with `NOT_FOUND` for a descriptor that this process was not started with,
 * `NOT_A_SOCKET` for one that is neither a socket nor a pipe, `INVALID_ARGUMENT` for a socket without a connection or
 * the wrong end of a pipe, `ADDRESS_IN_USE` for one that something else in this process reads, and
 * `CONNECTION_REFUSED` for a stream that has ended.
 */
export class StdioTransport extends StreamTransport<Duplex> {
  readonly #medium: Medium;
  #isUsed = false;
  /** Why the connection could not be opened. A descriptor that appears later is something else's. */
  #failure: Error | undefined;

  /**
   * @throws TransportError `INVALID_ARGUMENT` for an option that cannot be used, `UNSUPPORTED` for a descriptor on
   * Windows and on Bun.
   */
  constructor(options: StdioTransportOptions = {}) {
    super('stdio');
    this.#medium = mediumOf(options);
  }

  protected override listener(): Listener<Duplex> {
    return {
      endpoint: ENDPOINT,
      open: async (context) => {
        // As with sockets, nothing is open before the caller continues.
        await Promise.resolve();
        // It may fail before the lifecycle has it.
        const connection = this.#open(context).on('error', () => undefined);
        // And the handler is called once `listen` has resolved: it may close the transport.
        const accepting = realTime.setImmediate(() => {
          if (connection.destroyed) return;
          isAccepted = true;
          start(connection, context);
          context.accept(connection);
        });
        let isAccepted = false;
        context.defer(() => {
          realTime.clearImmediate(accepting);
          if (!isAccepted) connection.destroy();
        });
        return ENDPOINT;
      },
    };
  }

  protected override dialer(endpoint: string): Dialer<Duplex> {
    if (endpoint !== ENDPOINT) {
      throw new TransportError('INVALID_ENDPOINT', `${quote(endpoint)} is not the endpoint of a stdio transport`, {
        hint: 'Give `stdio:`, as listen returned it.',
      });
    }
    let connecting: Promise<Duplex> | undefined;
    return {
      endpoint,
      attempt: (context) => (connecting ??= this.#connect(context)),
    };
  }

  async #connect(context: DialContext): Promise<Duplex> {
    // As with sockets, nothing is connected before the caller continues.
    await new Promise(realTime.setImmediate);
    const connection = this.#open(context);
    start(connection, context);
    return connection;
  }

  /** Opens the connection, which does not begin to read. */
  #open({ operation, allowHalfOpen }: Context): Duplex {
    operation.throwIfCancelled();
    if (this.#isUsed) {
      throw new TransportError('CLOSED', 'the transport has had its one connection', {
        hint: 'Launch the plugin again, and create a new transport for it.',
      });
    }
    if (this.#failure !== undefined) throw this.#failure;
    try {
      const connection = openMedium(this.#medium, allowHalfOpen);
      this.#isUsed = true;
      return connection;
    } catch (error) {
      this.#failure = error as Error;
      throw error;
    }
  }
}

/** Begins to read, as sockets do, so that input arrives without a reader. */
function start(connection: Duplex, { pauseOnConnect = false }: Context): void {
  if (!pauseOnConnect) connection.read(0);
}

/** @throws TransportError see {@link StdioTransport} */
function openMedium(medium: Medium, allowHalfOpen: boolean): Duplex {
  if ('both' in medium) {
    const { both } = medium;
    if (typeof both === 'number') {
      assertConnection(both, 'both');
      return openDescriptor(both, 'both', allowHalfOpen);
    }
    assertHalf(both, 'input');
    assertHalf(both, 'output');
    both.allowHalfOpen = allowHalfOpen;
    return both;
  }
  // Both, before either is opened.
  assertHalf(medium.input, 'input');
  assertHalf(medium.output, 'output');
  const input = openHalf(medium.input, 'input');
  try {
    const output = openHalf(medium.output, 'output');
    return new PairedStream(input, output, { allowHalfOpen });
  } catch (error) {
    // An open descriptor cannot be given back.
    if (typeof medium.input === 'number') input.destroy();
    throw error;
  }
}

function assertHalf(half: number | Readable | Writable, direction: 'input' | 'output'): void {
  if (typeof half === 'number') assertConnection(half, direction);
  else if (!(direction === 'input' ? (half as Readable).readable : (half as Writable).writable)) {
    throw new TransportError('CONNECTION_REFUSED', `the ${direction} has ended`, {
      hint: 'Has the plugin exited? Its standard error may say why.',
    });
  } else if (direction === 'input') assertBytes(half as Readable);
}

function assertBytes({ readableEncoding, readableObjectMode }: Readable): void {
  if (readableEncoding === null && !readableObjectMode) return;
  throw new TransportError('INVALID_ARGUMENT', 'the input is read as text or objects', {
    hint: 'Read the handshake line as bytes, without setEncoding.',
  });
}

function openHalf<S extends Readable | Writable>(half: number | S, direction: 'input' | 'output'): S | Socket {
  if (typeof half !== 'number') return half;
  return openDescriptor(half, direction, true);
}

/**
 * Creates stdio transports, for `negotiateTransport`. Windows and Bun support those over streams.
 *
 * @param options - The options, or a function that returns them. It is called for each transport that is created.
 */
export function stdioTransportFactory(
  options?: StdioTransportOptions | (() => StdioTransportOptions),
): TransportFactory<StdioTransport> {
  return {
    network: 'stdio',
    isSupported: () => true,
    create: () => new StdioTransport(typeof options === 'function' ? options() : options),
  };
}
