import { createServer } from 'node:net';
import type { ListenOptions as ServerListenOptions, Server, Socket } from 'node:net';
import { ConnectionSet } from './connection-set.js';
import { dial } from './dial.js';
import { TransportDiagnostics } from './diagnostics.js';
import type { ErrorMessage } from './diagnostics.js';
import { toTransportError } from './errno.js';
import { TransportError } from './errors.js';
import { connectHints, listenHints } from './hints.js';
import { Operation } from './operation.js';
import { assertOptions, durationOption, integerOption, typeOption } from './options.js';
import type { CloseOptions, ConnectOptions, ListenOptions, Transport } from './transport.js';

/** What every socket transport takes when it is constructed. */
export interface SocketTransportOptions {
  /**
   * How many connections the kernel holds for the listener until it accepts them (listen(2)), from 1 to 65535; Linux caps
   * it at `net.core.somaxconn`. Default: 511, Node's own.
   */
  backlog?: number | undefined;
  /** How many accepted connections may be open at once; one more is closed at once. Default: no limit. */
  maxConnections?: number | undefined;
}

/** How to reach one endpoint. */
export interface Dialer {
  /** The endpoint in its canonical form. */
  readonly endpoint: string;
  /** The path of the socket's file, if it has one: it is looked at while the endpoint is waited for. */
  readonly path?: string | undefined;
  /** Makes one attempt, and leaves no socket behind when it fails or `signal` fires. */
  attempt(options: { allowHalfOpen: boolean; signal: AbortSignal }): Promise<Socket>;
}

/** What differs between kinds of addresses when an endpoint is waited for, in milliseconds. */
export interface DialDefaults {
  /** The default of `ConnectOptions.waitMs`. */
  waitMs: number;
  /** How long to leave between two attempts at an endpoint that is not there yet. */
  pollMs: number;
}

interface Listener {
  readonly server: Server;
  readonly operation: Operation;
  /** Known once it listens; while it is `undefined`, `bind` is under way. */
  endpoint: string | undefined;
  /** Accepted while `bind` was under way; they do not outlive it if it fails. */
  readonly early: Socket[];
  /** Settles when `bind` has succeeded, or failed and left nothing. Never rejects. */
  bound: Promise<unknown>;
  /** The one outcome of giving up the address. */
  stopped: Promise<void> | undefined;
}

/**
 * The lifecycle that transports made of sockets share: state, live connections, time limits, abort, errors, diagnostics
 * and close. A subclass says only how to put a server on its kind of address ({@link bind}), what to tidy up when that address
 * is given up ({@link unbind}), and how to reach one ({@link dialer}).
 *
 * The states of a transport: it is open until `close` is first called, closing until that has settled, and then closed for good.
 * While it is open it has at most one listener, which is binding, then listening, and gone after `stopListening`.
 */
export abstract class SocketTransport implements Transport<Socket> {
  readonly network: string;

  readonly #backlog: number | undefined;
  readonly #maxConnections: number | undefined;
  readonly #dialDefaults: DialDefaults;
  readonly #connections = new ConnectionSet<Socket>(destroySocket);
  readonly #connecting = new Set<Operation>();
  readonly #diagnostics = new TransportDiagnostics(this);
  #listener: Listener | undefined;
  #lastConnected: string | undefined;
  #closed: Promise<void> | undefined;

  /** @throws TransportError `INVALID_ARGUMENT` for an option that can not be used. */
  protected constructor(network: string, options: SocketTransportOptions, dialDefaults: DialDefaults) {
    assertOptions(options);
    this.network = network;
    this.#backlog = integerOption('backlog', options.backlog, 1, 65_535);
    this.#maxConnections = integerOption('maxConnections', options.maxConnections, 1, Number.MAX_SAFE_INTEGER);
    this.#dialDefaults = dialDefaults;
  }

  /**
   * Puts the server on an address, with {@link startServer}, and resolves with the canonical endpoint once it can be reached.
   * When it fails, or `signal` fires, it tidies up, closes nothing of the server, and rejects.
   */
  protected abstract bind(server: Server, signal: AbortSignal): Promise<string>;

  /** Tidies up what `bind` left beside the server's own descriptor, which is closed right afterwards. */
  protected abstract unbind(): void | Promise<void>;

  /** @throws TransportError `INVALID_ENDPOINT` if the text is not an endpoint of this network. */
  protected abstract dialer(endpoint: string): Dialer;

  /** Starts the server on an address, in this very process (not in the primary of a cluster) and with the backlog asked for. */
  protected startServer(server: Server, address: ServerListenOptions): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        server.off('listening', onListening);
        server.off('error', onError);
      };
      const onListening = (): void => {
        settle();
        resolve();
      };
      const onError = (error: Error): void => {
        settle();
        reject(error);
      };
      server.on('listening', onListening);
      server.on('error', onError);
      server.listen({ ...address, exclusive: true, ...(this.#backlog !== undefined && { backlog: this.#backlog }) });
    });
  }

  get endpoint(): string | undefined {
    return this.#listener?.endpoint ?? this.#lastConnected;
  }

  async listen(options: ListenOptions<Socket> = {}): Promise<string> {
    this.#assertOpen('listen');
    assertOptions(options);
    if (this.#listener !== undefined) {
      throw new TransportError('ALREADY_LISTENING', 'the transport listens already', {
        endpoint: this.#listener.endpoint,
        hint: 'Use one transport per listener, or call stopListening first.',
      });
    }
    const allowHalfOpen = typeOption('allowHalfOpen', options.allowHalfOpen, 'boolean') ?? false;
    const onConnection = typeOption('onConnection', options.onConnection, 'function');
    const operation = new Operation('listen', { signal: options.signal });
    // Node has no use for the TCP options on other kinds of sockets, and sets them as it accepts.
    const server = createServer({ allowHalfOpen, noDelay: true, keepAlive: true });
    const listener: Listener = {
      server,
      operation,
      endpoint: undefined,
      early: [],
      bound: Promise.resolve(),
      stopped: undefined,
    };
    if (this.#maxConnections !== undefined) server.maxConnections = this.#maxConnections;
    server.on('connection', (socket) => {
      this.#accept(listener, socket, onConnection, allowHalfOpen);
    });
    server.on('drop', () => {
      this.#diagnostics.drop(listener.endpoint, 'maxConnections');
    });
    server.once('listening', () => {
      // What fails to be accepted is not the end of the listener. For want of descriptors nothing fails, except on Windows: libuv
      // keeps one back, to accept with and close at once whoever waits, and tells nobody.
      server.on('error', (error) => {
        this.#diagnostics.error(listener.endpoint, 'accept', error);
      });
    });
    this.#listener = listener;
    const bound = this.#bind(listener);
    listener.bound = bound.catch(() => undefined);
    return bound;
  }

  async #bind(listener: Listener): Promise<string> {
    const { operation, server, early } = listener;
    try {
      const endpoint = await this.bind(server, operation.signal);
      if (operation.signal.aborted) await this.unbind();
      operation.signal.throwIfAborted();
      listener.endpoint = endpoint;
    } catch (error) {
      server.close();
      for (const socket of early) socket.destroy();
      this.#listener = undefined;
      throw this.#failed('listen', error, listenHints, undefined);
    } finally {
      operation.end();
      early.length = 0;
    }
    this.#diagnostics.listen(listener.endpoint);
    return listener.endpoint;
  }

  async connect(endpoint: string, options: ConnectOptions = {}): Promise<Socket> {
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
      const socket = await dial(() => dialer.attempt({ allowHalfOpen, signal: operation.signal }), operation, {
        waitMs,
        pollMs: this.#dialDefaults.pollMs,
        path: dialer.path,
      });
      this.#connected(socket, dialer.endpoint, operation);
      return socket;
    } catch (error) {
      throw this.#failed('connect', error, connectHints, dialer.endpoint);
    } finally {
      operation.end();
      this.#connecting.delete(operation);
    }
  }

  #connected(socket: Socket, endpoint: string, { signal }: Operation): void {
    if (signal.aborted) {
      // Given up between the attempt's success and here.
      socket.destroy();
      signal.throwIfAborted();
    }
    this.#track(socket, endpoint);
    this.#lastConnected = endpoint;
    this.#diagnostics.connect(endpoint, socket);
  }

  async stopListening(): Promise<void> {
    const listener = this.#listener;
    if (listener === undefined) return;
    await (listener.stopped ??= this.#stop(listener));
  }

  async #stop(listener: Listener): Promise<void> {
    listener.operation.giveUp(closedError('listen'));
    await listener.bound;
    if (this.#listener !== listener) return;
    try {
      await this.unbind();
    } catch (error) {
      throw this.#failed('close', error, {}, listener.endpoint);
    } finally {
      listener.server.close();
      this.#listener = undefined;
    }
  }

  // Not an async function: it is to have begun when it returns, and every caller gets the same promise.
  close(options: CloseOptions = {}): Promise<void> {
    let graceMs: number;
    try {
      assertOptions(options);
      graceMs = durationOption('graceMs', options.graceMs, 5000);
    } catch (error) {
      return Promise.reject(toTransportError(error, 'close'));
    }
    this.#closed ??= this.#close();
    this.#connections.limitGrace(graceMs);
    return this.#closed;
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
      for (const socket of this.#connections) endSocket(socket);
      await this.#connections.ended();
      this.#lastConnected = undefined;
      this.#diagnostics.close(endpoint, this.#connections.destroyed);
    }
  }

  #assertOpen(call: string): void {
    if (this.#closed !== undefined) throw closedError(call);
  }

  #accept(
    listener: Listener,
    socket: Socket,
    onConnection: ListenOptions<Socket>['onConnection'],
    allowHalfOpen: boolean,
  ): void {
    if (this.#closed !== undefined) {
      socket.destroy();
      this.#diagnostics.drop(listener.endpoint, 'closing');
      return;
    }
    this.#track(socket, listener.endpoint);
    if (listener.endpoint === undefined) listener.early.push(socket);
    this.#diagnostics.accept(listener.endpoint, socket);
    if (onConnection === undefined) {
      if (allowHalfOpen) socket.on('end', () => socket.end());
      socket.resume();
      return;
    }
    const failed = (error: unknown): void => {
      socket.destroy();
      this.#diagnostics.error(listener.endpoint, 'handler', error);
    };
    try {
      // A handler without types, such as `(socket) => socket.pipe(socket)`, may return anything.
      const handled = onConnection(socket) as Partial<PromiseLike<unknown>> | undefined;
      handled?.then?.(undefined, failed);
    } catch (error) {
      failed(error);
    }
  }

  #track(socket: Socket, endpoint: string | undefined): void {
    this.#connections.add(socket);
    // An `error` that nobody listens to would end the process. A stream closes after it, which is what users wait for.
    socket.on('error', (error) => {
      this.#diagnostics.error(endpoint, 'connection', error);
    });
  }

  /** Makes the error that a call rejects with, and tells those who watch. */
  #failed(
    operation: ErrorMessage['operation'],
    cause: unknown,
    hints: Parameters<typeof toTransportError>[3],
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

/** Lets what was written arrive, and takes input off the socket, unread: a socket with unread input never closes. */
function endSocket(socket: Socket): void {
  socket.end();
  socket.resume();
}

/** TCP: by a reset, so that the peer learns that it was cut off. Unix sockets have none. */
function destroySocket(socket: Socket): void {
  if (socket.remoteFamily === undefined) socket.destroy();
  // libuv refuses to reset a socket in whose shutdown(2) it is, and Node loses the descriptor then. That takes no time: all
  // that was written is with the kernel.
  else if (isShuttingDown(socket)) socket.once('finish', () => socket.resetAndDestroy());
  else socket.resetAndDestroy();
}

function isShuttingDown(socket: Socket): boolean {
  return socket.writableEnded && !socket.writableFinished && socket.writableLength === 0;
}
