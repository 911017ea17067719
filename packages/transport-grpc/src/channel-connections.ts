import type { Http2Session } from 'node:http2';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connectivityState } from '@grpc/grpc-js';
import type { Channel } from '@grpc/grpc-js';
import { errorCodeOf, KEEP_ALIVE_MS } from '@rpcplugin/transport-base';
import { watchClient } from './connection-watch.js';
import type { ConnectionHooks } from './grpc-js-hooks.js';
import { refuseCallsAfterEnd, reportAsLost, reportSessionAsLost } from './lost-peer.js';
import { PeerConnections } from './peers.js';
import { unsupported } from './unsupported.js';

/** The hint of a `TIMEOUT` while a connection is open. */
export const SILENT_SERVER_HINT =
  'A connection was accepted, but the other side did not start gRPC on it. Is it a gRPC server, and not stuck? ' +
  'Raise timeoutMs if it needs longer.';

/** The connections of one channel: how they are opened, why one failed, and how they end. */
export class ChannelConnections implements ConnectionHooks {
  readonly dial: (() => Promise<void>) | undefined;
  /** The open connections. */
  readonly peers = new PeerConnections(
    (connection) => connection.destroy(),
    (report) => {
      this.#whenNoticed(report);
    },
  );
  /** The channel that uses the connections, once it is created. */
  channel: Channel | undefined;
  readonly #timeoutMs: number;
  readonly #pingIntervalMs: number;
  /** Dialled, for the channel to use next. */
  #next: Duplex | undefined;
  #failure: unknown;

  /**
   * @param timeoutMs - How long each connection may take to begin HTTP/2, in milliseconds.
   * @param pingIntervalMs - How often to ping during calls, in milliseconds.
   * @param dial - Dials a connection. Default: grpc-js makes its own.
   */
  constructor(timeoutMs: number, pingIntervalMs: number, dial?: () => Promise<Duplex>) {
    this.#timeoutMs = timeoutMs;
    this.#pingIntervalMs = pingIntervalMs;
    if (dial === undefined) return;
    this.dial = async () => {
      if (this.#next !== undefined) return;
      try {
        this.supply(await dial());
      } catch (error) {
        // No dial will succeed any more, so the channel closes: calls that wait for a connection would dial for ever.
        // Other calls fail with this error first.
        if (errorCodeOf(error) === 'CLOSED') setImmediate(() => this.channel?.close());
        throw error;
      }
    };
  }

  /** The connection that was dialled and that the channel has not begun to use. */
  get next(): Duplex | undefined {
    return this.#next;
  }

  /** Why the latest connection failed; `undefined` if it closed without an error. */
  get failure(): unknown {
    return this.#failure;
  }

  /** Gives the channel a connection to use instead of dialling its next one. */
  supply(connection: Duplex): void {
    this.#next = connection;
    this.#failure = undefined;
    this.#add(connection);
  }

  opened(socket: Socket): Duplex {
    if (this.dial === undefined) {
      socket.setKeepAlive(true, KEEP_ALIVE_MS);
      this.#add(socket);
      return socket;
    }
    const connection = this.#next;
    this.#next = undefined;
    if (connection === undefined) throw unsupported('it connects before it waits for its credentials');
    return connection;
  }

  secured(connection: Duplex, { socket, secure }: Parameters<ConnectionHooks['secured']>[1]): void {
    reportAsLost(socket);
    if (!secure) return;
    // When the peer refuses a certificate, Node closes neither TLS nor the connection below it.
    socket.on('error', (error) => {
      this.failed(connection, error);
    });
    reportAsLost(connection);
  }

  started(connection: Duplex, session: Http2Session | undefined): void {
    if (session === undefined) {
      this.peers.endHandshake(connection);
      return;
    }
    session.once('remoteSettings', () => {
      this.peers.endHandshake(connection);
    });
    reportSessionAsLost(session);
    refuseCallsAfterEnd(session);
    watchClient(connection, session, this.#pingIntervalMs);
  }

  failed(connection: Duplex, error: unknown): void {
    this.#onError(error);
    connection.destroy();
  }

  #add(connection: Duplex): void {
    // An error, because TLS waits for ever on a connection that closes without one, and with it the channel.
    const onTimeout = (): unknown =>
      connection.destroy(new Error(`the server did not begin HTTP/2 within ${this.#timeoutMs} ms`));
    this.peers.beginHandshake(connection, this.#timeoutMs, onTimeout).unref();
    connection.on('error', this.#onError);
    if (this.peers.isClosing) connection.destroy();
  }

  /** A channel that has lost its only connection fails calls until it notices, some turns of the event loop later. */
  #whenNoticed(report: () => void): void {
    const { channel, peers } = this;
    const isReady = channel?.getConnectivityState(false) === connectivityState.READY;
    if (isReady && peers.connections === 0) channel.watchConnectivityState(connectivityState.READY, Infinity, report);
    else report();
  }

  readonly #onError = (error: unknown): void => {
    this.#failure ??= error;
  };

  /**
   * Ends the connections, once for all callers.
   *
   * @param graceMs - How long calls may take to finish. A later call can shorten it but not lengthen it.
   * @param shutDown - Makes the channel end its connections after the calls in progress.
   */
  close(graceMs: number, shutDown: () => void): Promise<void> {
    return this.peers.close(graceMs, async () => {
      shutDown();
      // The channel waits for a peer that may never answer, and forgets a connection during its TLS handshake.
      this.peers.endHandshakes((connection) => connection.destroy());
      await this.peers.ended();
    });
  }
}
