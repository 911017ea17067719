import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { ConnectionSet } from './connection-set.js';
import { dial } from './dial.js';
import { TransportDiagnostics } from './diagnostics.js';
import type { ErrorMessage } from './diagnostics.js';
import { toTransportError } from './errno.js';
import { TransportError } from './errors.js';
import { connectHints, listenHints } from './hints.js';
import type { Hints } from './hints.js';
import { Operation } from './operation.js';
import { assertOptions, durationOption, typeOption } from './options.js';
import type { CloseOptions, ConnectOptions, ListenOptions, Transport } from './transport.js';

/** How to reach one endpoint. */
export interface Dialer<C extends Duplex = Socket> {
  /** The endpoint in its canonical form. */
  readonly endpoint: string;
  /** The path of the socket's file, if it has one: it is looked at while the endpoint is waited for. */
  readonly path?: string | undefined;
  /** Makes one attempt, and leaves no connection behind when it fails or the operation is given up (see its `signal`). */
  attempt(options: { allowHalfOpen: boolean; operation: Operation }): Promise<C>;
}

/** What differs between kinds of addresses when one is connected to; times in milliseconds. */
export interface DialDefaults {
  /** The default of `ConnectOptions.waitMs`. */
  waitMs: number;
  /** How long to leave between two attempts at an endpoint that is not there yet. */
  pollMs: number;
  /** What a person can do about failures that this kind of address has beside those of {@link connectHints}. */
  hints?: Hints;
}

/** What an address is given to listen with. */
export interface BindOptions<C extends Duplex> {
  /** To be called with each connection, synchronously, before any of its data flows. */
  readonly accept: (connection: C) => void;
  /** Whether a connection is to stay writable after its peer ended. */
  readonly allowHalfOpen: boolean;
  /** Given up when the listen is (see its `signal`). */
  readonly operation: Operation;
}

interface Listener<C extends Duplex> {
  readonly operation: Operation;
  /** Known once it listens; while it is `undefined`, `bind` is under way. */
  endpoint: string | undefined;
  /** For errors of its connections. */
  readonly onError: (error: unknown) => void;
  /** Accepted while `bind` was under way; they do not outlive it if it fails. */
  readonly early: C[];
  /** Settles when `bind` has succeeded, or failed and left nothing. Never rejects. */
  bound: Promise<unknown>;
  /** The one outcome of giving up the address. */
  stopped: Promise<void> | undefined;
}

/**
 * The lifecycle that all transports share: state, live connections, time limits, abort, errors, diagnostics and close. A subclass
 * says only how to listen on its kind of address ({@link open}), how to give that up ({@link shut}), and how to reach one
 * ({@link dialer}). For what `node:net` can bind, {@link SocketTransport} does more of it.
 *
 * The states of a transport: it is open until `close` is first called, closing until that has settled, and then closed for good.
 * While it is open it has at most one listener, which is binding, then listening, and gone after `stopListening`.
 */
export abstract class StreamTransport<C extends Duplex = Duplex> implements Transport<C> {
  readonly network: string;

  readonly #dialDefaults: DialDefaults;
  readonly #connections = new ConnectionSet<C>((connection) => {
    this.cutOff(connection);
  });
  readonly #connecting = new Set<Operation>();
  readonly #diagnostics = new TransportDiagnostics(this);
  #listener: Listener<C> | undefined;
  /** The endpoint of the last successful connect, and what listens for errors of connections to it. */
  #lastConnected: { readonly endpoint: string; readonly onError: (error: unknown) => void } | undefined;
  #closed: Promise<void> | undefined;

  /** @param network - The go-plugin name of the network, or one like it. */
  protected constructor(network: string, dialDefaults: DialDefaults) {
    this.network = network;
    this.#dialDefaults = dialDefaults;
  }

  /**
   * Listens on an address, and resolves with the canonical endpoint once it can be reached. When it fails, or the operation is given
   * up, it tidies up and rejects.
   */
  protected abstract open(options: BindOptions<C>): Promise<string>;

  /** Gives up the address that `open` got. */
  protected abstract shut(): void | Promise<void>;

  /** @throws TransportError `INVALID_ENDPOINT` if the text is not an endpoint of this network. */
  protected abstract dialer(endpoint: string): Dialer<C>;

  /** Ends a connection that has not ended by itself within the grace. */
  protected cutOff(connection: C): void {
    connection.destroy();
  }

  get endpoint(): string | undefined {
    return this.#listener?.endpoint ?? this.#lastConnected?.endpoint;
  }

  async listen(options: ListenOptions<C> = {}): Promise<string> {
    this.#assertOpen('listen');
    assertOptions(options);
    if (this.#listener !== undefined) {
      throw new TransportError('ALREADY_LISTENING', 'the transport listens already', {
        endpoint: this.#listener.endpoint,
        hint: 'Use one transport per listener, or call stopListening first.',
      });
    }
    const allowHalfOpen = typeOption('allowHalfOpen', options.allowHalfOpen, 'boolean') ?? false;
    const onConnection = typeOption('onConnection', options.onConnection, 'function') ?? discard;
    const operation = new Operation('listen', { signal: options.signal });
    const listener: Listener<C> = {
      operation,
      endpoint: undefined,
      onError: (error) => {
        this.#diagnostics.error(listener.endpoint, 'connection', error);
      },
      early: [],
      bound: Promise.resolve(),
      stopped: undefined,
    };
    const accept = (connection: C): void => {
      this.#accept(listener, connection, onConnection);
    };
    this.#listener = listener;
    const bound = this.#bind(listener, { accept, allowHalfOpen, operation });
    listener.bound = bound.catch(() => undefined);
    return bound;
  }

  async #bind(listener: Listener<C>, options: BindOptions<C>): Promise<string> {
    const { operation, early } = listener;
    try {
      const endpoint = await this.open(options);
      if (operation.failure !== undefined) await this.shut();
      operation.throwIfGivenUp();
      listener.endpoint = endpoint;
    } catch (error) {
      for (const connection of early) connection.destroy();
      this.#listener = undefined;
      // Whatever else has failed once it was given up.
      throw this.#failed('listen', operation.failure ?? error, listenHints, undefined);
    } finally {
      operation.end();
      early.length = 0;
    }
    this.#diagnostics.publish('listen', listener.endpoint, () => ({}));
    return listener.endpoint;
  }

  async connect(endpoint: string, options: ConnectOptions = {}): Promise<C> {
    this.#assertOpen('connect');
    assertOptions(options);
    const timeoutMs = durationOption('timeoutMs', options.timeoutMs, 5000);
    const waitMs = durationOption('waitMs', options.waitMs, this.#dialDefaults.waitMs);
    const allowHalfOpen = typeOption('allowHalfOpen', options.allowHalfOpen, 'boolean') ?? false;
    const dialer = this.dialer(endpoint);
    const operation = new Operation(`connect to ${dialer.endpoint}`, {
      endpoint: dialer.endpoint,
      signal: options.signal,
      timeoutMs,
    });
    this.#connecting.add(operation);
    try {
      const connection = await dial(() => dialer.attempt({ allowHalfOpen, operation }), operation, {
        waitMs,
        pollMs: this.#dialDefaults.pollMs,
        path: dialer.path,
      });
      if (operation.failure !== undefined) {
        // Given up between the attempt's success and here.
        connection.destroy();
        throw operation.failure;
      }
      this.#track(connection, this.#connectedTo(dialer.endpoint).onError);
      this.#diagnostics.publish('connect', dialer.endpoint, () => ({ connection }));
      return connection;
    } catch (error) {
      throw this.#failed('connect', error, { ...connectHints, ...this.#dialDefaults.hints }, dialer.endpoint);
    } finally {
      operation.end();
      this.#connecting.delete(operation);
    }
  }

  #connectedTo(endpoint: string): Pick<Listener<C>, 'onError'> {
    if (this.#lastConnected?.endpoint !== endpoint) {
      const onError = (error: unknown): void => {
        this.#diagnostics.error(endpoint, 'connection', error);
      };
      this.#lastConnected = { endpoint, onError };
    }
    return this.#lastConnected;
  }

  async stopListening(): Promise<void> {
    const listener = this.#listener;
    if (listener === undefined) return;
    await (listener.stopped ??= this.#stop(listener));
  }

  async #stop(listener: Listener<C>): Promise<void> {
    if (listener.endpoint === undefined) listener.operation.giveUp(closedError('listen'));
    await listener.bound;
    if (this.#listener !== listener) return;
    try {
      await this.shut();
    } catch (error) {
      throw this.#failed('close', error, {}, listener.endpoint);
    } finally {
      this.#listener = undefined;
    }
  }

  async close(options: CloseOptions = {}): Promise<void> {
    assertOptions(options);
    const graceMs = durationOption('graceMs', options.graceMs, 5000);
    this.#closed ??= this.#close();
    this.#connections.limitGrace(graceMs);
    await this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const endpoint = this.endpoint;
    for (const operation of this.#connecting) operation.giveUp(closedError('connect'));
    try {
      await this.stopListening();
    } finally {
      for (const connection of this.#connections) endConnection(connection);
      await this.#connections.ended();
      this.#lastConnected = undefined;
      this.#diagnostics.publish('close', endpoint, () => ({ destroyed: this.#connections.destroyed }));
    }
  }

  #assertOpen(call: string): void {
    if (this.#closed !== undefined) throw closedError(call);
  }

  #accept(listener: Listener<C>, connection: C, onConnection: (connection: C) => unknown): void {
    if (this.#closed !== undefined) {
      connection.destroy();
      this.#diagnostics.publish('drop', listener.endpoint, () => ({ reason: 'closing' }));
      return;
    }
    this.#track(connection, listener.onError);
    if (listener.endpoint === undefined) listener.early.push(connection);
    this.#diagnostics.publish('accept', listener.endpoint, () => ({ connection }));
    const failed = (error: unknown): void => {
      connection.destroy();
      this.#diagnostics.error(listener.endpoint, 'handler', error);
    };
    try {
      // A handler without types, such as `(connection) => connection.pipe(connection)`, may return anything.
      const handled = onConnection(connection) as Partial<PromiseLike<unknown>> | undefined;
      handled?.then?.(undefined, failed);
    } catch (error) {
      failed(error);
    }
  }

  #track(connection: C, onError: (error: unknown) => void): void {
    this.#connections.add(connection);
    // An `error` that nobody listens to would end the process. A stream closes after it, which is what users wait for.
    connection.on('error', onError);
  }

  /** Makes the error that a call rejects with, and tells those who watch. */
  #failed(
    operation: ErrorMessage['operation'],
    cause: unknown,
    hints: Hints,
    endpoint: string | undefined,
  ): TransportError {
    const failure = endpoint === undefined ? operation : `${operation} (${endpoint})`;
    const error = toTransportError(cause, failure, endpoint, hints);
    this.#diagnostics.error(endpoint, operation, error);
    return error;
  }
}

function closedError(call: string): TransportError {
  return new TransportError('CLOSED', `${call}: the transport was closed`, {
    hint: 'A transport is used once. Create a new one.',
  });
}

/** What is done with a connection when nobody has said. One that is half open does not end with its peer by itself. */
function discard(connection: Duplex): void {
  connection.on('end', () => connection.end()).resume();
}

/** Lets what was written arrive, and takes input off the connection, unread: one with unread input never closes. */
function endConnection(connection: Duplex): void {
  // A handler that echoes would write on, which is an error once it has ended, and costs what was written before.
  connection.unpipe(connection);
  connection.end();
  if (connection.listenerCount('readable') === 0) {
    connection.resume();
    return;
  }
  // A stream does not flow while somebody listens for it to be readable.
  const readAll = (): void => {
    connection.read();
  };
  connection.on('readable', readAll);
  readAll();
}
