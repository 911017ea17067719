import type { Duplex } from 'node:stream';
import type { ConnectionInfo } from '@rpcplugin/transport-core';
import type { Preparation } from './addresses.js';
import type { ConnectionSet } from './connections.js';
import type { ConnectionListeners, TransportDiagnostics } from './diagnostics.js';
import type { Preparations } from './preparations.js';

/** Where the connections of a listener go. */
export interface AcceptorOptions<C extends Duplex> {
  /** Returns the endpoint of the listener, once it is known. */
  readonly endpoint: () => string | undefined;
  /** The open connections of the transport. */
  readonly connections: ConnectionSet<C>;
  readonly preparations: Preparations;
  readonly diagnostics: TransportDiagnostics;
  /** The listeners that each connection gets. */
  readonly listeners: ConnectionListeners<C>;
  readonly pauseOnConnect: boolean;
  /** The handler. It may return anything, such as the stream of `(connection) => connection.pipe(connection)`. */
  readonly onConnection: (connection: C, info: ConnectionInfo) => unknown;
}

/** Nothing is known about most connections. */
const NOTHING_KNOWN: ConnectionInfo = Object.freeze({});

/** Passes the connections of one listener to its handler. */
export class Acceptor<C extends Duplex> {
  readonly #options: AcceptorOptions<C>;

  constructor(options: AcceptorOptions<C>) {
    this.#options = options;
  }

  /** Passes a connection to the handler, unless the transport is closing. */
  accept(connection: C, info = NOTHING_KNOWN): void {
    const { endpoint, connections, diagnostics, listeners, pauseOnConnect, onConnection } = this.#options;
    if (connections.isClosing) {
      connection.destroy();
      diagnostics.drop(endpoint(), 'closing');
      return;
    }
    if (pauseOnConnect) connection.pause();
    track(connection, connections, listeners);
    diagnostics.publish('accept', endpoint(), () => ({ connection }));
    const failed = (error: unknown): void => {
      connection.destroy();
      diagnostics.error(endpoint(), 'handler', error);
    };
    try {
      const handled = onConnection(connection, info) as Partial<PromiseLike<unknown>> | null | undefined;
      handled?.then?.(undefined, failed);
    } catch (error) {
      failed(error);
    }
  }

  /** Passes a connection to the handler once it is prepared. Never rejects. */
  async prepare(connection: C, preparation: Preparation): Promise<void> {
    const { endpoint, preparations, diagnostics } = this.#options;
    // Those in progress have been cancelled.
    if (this.#isClosing()) {
      connection.destroy();
      diagnostics.drop(endpoint(), 'closing');
      return;
    }
    let info: ConnectionInfo;
    try {
      info = await preparations.prepare(connection, preparation, endpoint());
    } catch (error) {
      if (this.#isClosing()) diagnostics.drop(endpoint(), 'closing');
      else diagnostics.drop(endpoint(), preparation.dropReason, error);
      return;
    }
    this.accept(connection, info);
  }

  #isClosing(): boolean {
    return this.#options.connections.isClosing;
  }
}

/** Tracks an open connection, and publishes what happens to it. */
export function track<C extends Duplex>(
  connection: C,
  connections: ConnectionSet<C>,
  { onError, onClose }: ConnectionListeners<C>,
): void {
  connections.add(connection);
  connection.on('close', onClose);
  // Without a listener, an `error` event would end the process. Users wait for `close`, which follows it.
  connection.on('error', onError);
}
