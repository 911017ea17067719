import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { show } from '@rpcplugin/printable';
import { TransportError } from '@rpcplugin/transport-core';
import type { CloseOptions, ConnectOptions, ErrorMessage, ListenOptions, Transport } from '@rpcplugin/transport-core';
import { Acceptor, track } from './acceptor.js';
import { ActiveListener } from './active-listener.js';
import type { Dialer, ListenContext, Listener } from './addresses.js';
import { ConnectionSet, discard, endConnection } from './connections.js';
import { TransportDiagnostics } from './diagnostics.js';
import type { ConnectionListeners } from './diagnostics.js';
import { dial } from './dial.js';
import { Operation } from './operation.js';
import { assertOptions, CONNECT_TIMEOUT_MS, durationOption, invalidOption, typeOption } from './options.js';
import { Preparations } from './preparations.js';
import { realTime } from './real-time.js';
import { connectHints, listenHints, toTransportError } from './system-errors.js';
import type { Hints } from './system-errors.js';

/** The endpoint of the last successful connect, and the listeners of connections to it. */
interface Connected<C> {
  readonly endpoint: string;
  readonly listeners: ConnectionListeners<C>;
}

/**
 * The lifecycle of every transport: state, open connections, time limits, cancellation, errors, diagnostics and
 * close. A subclass only says how to listen on its kind of address ({@link listener}) and how to reach one ({@link
 * dialer}).
 *
 * A transport is open until the first `close`, closing until that settles, then closed for good. While it is open it
 * has at most one listener, which is opening until its endpoint is known, then listening until `stopListening`.
 */
export abstract class StreamTransport<C extends Duplex = Socket> implements Transport<C> {
  /** The go-plugin name of the network, or the name given to the constructor. */
  readonly network: string;

  readonly #connections = new ConnectionSet<C>((connection) => {
    this.cutOff(connection);
  });
  readonly #connecting = new Set<Operation>();
  readonly #preparations = new Preparations();
  readonly #diagnostics = new TransportDiagnostics(this);
  #listening: ActiveListener<C> | undefined;
  /** The `stopListening` in progress. */
  #stopping: Promise<void> | undefined;
  #lastConnected: Connected<C> | undefined;

  /**
   * @param network - The go-plugin name of the network, or a name of your own.
   * @throws TransportError `INVALID_ARGUMENT` if a JavaScript subclass lacks a method.
   */
  protected constructor(network: string) {
    typeOption('network', network, 'string');
    for (const method of ['listener', 'dialer'] as const) {
      if (typeof this[method] === 'function') continue;
      throw new TransportError('INVALID_ARGUMENT', `${new.target.name} has no method ${method}`, {
        hint: `A subclass of StreamTransport has the methods listener and dialer.`,
      });
    }
    this.network = network;
  }

  /** Describes the address that `listen` opens. Called by each `listen`. */
  protected abstract listener(): Listener<C>;

  /**
   * Describes how to reach an endpoint, which is a string. Called by each `connect`, before any I/O.
   *
   * @throws TransportError `INVALID_ENDPOINT` if the text is not an endpoint of this network.
   */
  protected abstract dialer(endpoint: string): Dialer<C>;

  /** Destroys a connection that is still open after the grace period. */
  protected cutOff(connection: C): void {
    connection.destroy();
  }

  get endpoint(): string | undefined {
    return this.#listening?.endpoint ?? this.#lastConnected?.endpoint;
  }

  async listen(options: ListenOptions<C> = {}): Promise<string> {
    return this.openListener(options);
  }

  /** Listens, for {@link listen} and for subclasses that hold their socket: see {@link ListenContext.hold}. */
  protected async openListener(options: ListenOptions<C>, hold?: ListenContext<C>['hold']): Promise<string> {
    this.#assertOpen('listen');
    assertOptions(options);
    if (this.#listening !== undefined) {
      throw new TransportError('ALREADY_LISTENING', 'the transport is listening already', {
        endpoint: this.#listening.endpoint,
        hint: 'Use one transport per listener, or call stopListening first.',
      });
    }
    const allowHalfOpen = typeOption('allowHalfOpen', options.allowHalfOpen, 'boolean') ?? false;
    const pauseOnConnect = typeOption('pauseOnConnect', options.pauseOnConnect, 'boolean') ?? false;
    const onConnection = typeOption('onConnection', options.onConnection, 'function') ?? discard;
    if (pauseOnConnect && onConnection === discard) {
      throw invalidOption('pauseOnConnect', true, 'Give an onConnection that resumes connections or hands them over.');
    }
    const active = new ActiveListener(this.#listener(), options.signal);
    const { listener } = active;
    const listeners = this.#diagnostics.listenersFor<C>(() => active.endpoint, this.#connections);
    const acceptor = new Acceptor({
      endpoint: () => active.endpoint,
      connections: this.#connections,
      preparations: this.#preparations,
      diagnostics: this.#diagnostics,
      listeners,
      pauseOnConnect,
      onConnection,
    });
    this.#listening = active;
    try {
      const endpoint = await active.open({
        accept: (connection, preparation) => {
          if (preparation === undefined) acceptor.accept(connection);
          else void acceptor.prepare(connection, preparation);
        },
        drop: (reason, error) => {
          this.#diagnostics.drop(active.endpoint, reason, error);
        },
        acceptFailed: (error) => {
          this.#diagnostics.error(active.endpoint, 'accept', error);
        },
        warn: (what, cause) => {
          this.#diagnostics.publish('warning', active.endpoint ?? listener.endpoint, () => ({ what, cause }));
        },
        allowHalfOpen,
        pauseOnConnect,
        hold,
      });
      this.#diagnostics.publish('listen', endpoint, () => ({}));
      return endpoint;
    } catch (error) {
      if (this.#listening === active) this.#listening = undefined;
      throw this.#failed('listen', error, listener.endpoint, { ...listenHints, ...listener.hints });
    }
  }

  async connect(endpoint: string, options: ConnectOptions = {}): Promise<C> {
    this.#assertOpen('connect');
    assertOptions(options);
    const timeoutMs = durationOption('timeoutMs', options.timeoutMs, CONNECT_TIMEOUT_MS);
    const allowHalfOpen = typeOption('allowHalfOpen', options.allowHalfOpen, 'boolean') ?? false;
    const pauseOnConnect = typeOption('pauseOnConnect', options.pauseOnConnect, 'boolean') ?? false;
    const dialer = this.#dialer(endpoint);
    const waitMs = durationOption('waitMs', options.waitMs, dialer.waitMs ?? 0);
    const operation = new Operation(`connect to ${dialer.endpoint}`, {
      endpoint: dialer.endpoint,
      signal: options.signal,
      timeoutMs,
    });
    this.#connecting.add(operation);
    const started = realTime.now();
    try {
      const connection = await dial(dialer, { allowHalfOpen, pauseOnConnect, operation }, waitMs);
      if (operation.failure !== undefined) {
        // Cancelled between the attempt's success and here.
        connection.destroy();
        throw operation.failure;
      }
      if (pauseOnConnect) connection.pause();
      track(connection, this.#connections, this.#connectedTo(dialer.endpoint).listeners);
      this.#diagnostics.publish('connect', dialer.endpoint, () => ({
        connection,
        durationMs: realTime.now() - started,
      }));
      return connection;
    } catch (error) {
      const durationMs = realTime.now() - started;
      throw this.#failed('connect', error, dialer.endpoint, { ...connectHints, ...dialer.hints }, { durationMs });
    } finally {
      operation.end();
      this.#connecting.delete(operation);
    }
  }

  async stopListening(): Promise<void> {
    if (this.#listening !== undefined) this.#stopping ??= this.#stop(this.#listening);
    await this.#stopping;
  }

  async #stop(active: ActiveListener<C>): Promise<void> {
    try {
      await active.stop(closedError('listen'));
    } catch (error) {
      throw this.#failed('close', error, active.endpoint, {});
    } finally {
      if (this.#listening === active) this.#listening = undefined;
      this.#stopping = undefined;
    }
  }

  async close(options: CloseOptions = {}): Promise<void> {
    assertOptions(options);
    const graceMs = durationOption('graceMs', options.graceMs, 5000);
    await this.#connections.close(graceMs, () => this.#close());
  }

  /** Closes the transport, with the default grace period. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const endpoint = this.endpoint;
    for (const operation of this.#connecting) operation.cancel(closedError('connect'));
    this.#preparations.cancel(closedError('listen'));
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
    if (this.#connections.isClosing) throw closedError(call);
  }

  #listener(): Listener<C> {
    try {
      return this.listener();
    } catch (error) {
      throw toTransportError(error, 'listen', undefined, listenHints);
    }
  }

  #dialer(endpoint: unknown): Dialer<C> {
    if (typeof endpoint !== 'string') {
      throw new TransportError('INVALID_ENDPOINT', `an endpoint cannot be ${show(endpoint)}`, {
        hint: 'Give the endpoint as a string, as listen returns it.',
      });
    }
    try {
      return this.dialer(endpoint);
    } catch (error) {
      throw toTransportError(error, `connect to ${show(endpoint)}`, endpoint, connectHints);
    }
  }

  #connectedTo(endpoint: string): Connected<C> {
    if (this.#lastConnected?.endpoint !== endpoint) {
      const listeners = this.#diagnostics.listenersFor<C>(() => endpoint, this.#connections);
      this.#lastConnected = { endpoint, listeners };
    }
    return this.#lastConnected;
  }

  /** Makes the error that a call rejects with, and publishes it. */
  #failed(
    call: keyof typeof calls,
    cause: unknown,
    endpoint: string | undefined,
    hints: Hints,
    details?: Pick<ErrorMessage, 'durationMs'>,
  ): TransportError {
    const error = toTransportError(
      cause,
      endpoint === undefined ? call : `${calls[call]} ${endpoint}`,
      endpoint,
      hints,
    );
    this.#diagnostics.error(error.endpoint, call, error, details);
    return error;
  }
}

/** What calls do, for error messages. */
const calls = { listen: 'listen on', connect: 'connect to', close: 'stop listening on' };

function closedError(call: string): TransportError {
  return new TransportError('CLOSED', `${call}: the transport is closed`, {
    hint: 'A transport is used once. Create a new one.',
  });
}
