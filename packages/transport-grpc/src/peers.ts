import type { Duplex } from 'node:stream';
import { ConnectionSet, invalidOption, startTimer } from '@rpcplugin/transport-base';
import type { Timer } from '@rpcplugin/transport-base';

/** What both ends of gRPC tell about their connections. */
export interface GrpcPeers {
  /** How many connections are open on which HTTP/2 has begun. */
  readonly connections: number;
  /**
   * Calls `listener` whenever one of the {@link connections} closes because the peer left or the network failed, with
   * the number that are left. Connections that `close` ends are not reported, nor those on which HTTP/2 never began.
   * Returns a function that removes the listener.
   */
  onDisconnect(listener: (connections: number) => void): () => void;
}

/** The connections of a server's listener or of a channel. */
export class PeerConnections extends ConnectionSet<Duplex> implements GrpcPeers {
  /** The connections on which HTTP/2 has not begun, with their time limits. They have no calls in progress. */
  readonly #handshakes = new Map<Duplex, Timer>();
  #handshakesEnded = false;
  readonly #listeners = new Set<(connections: number) => void>();
  readonly #whenNoticed: (report: () => void) => void;

  /**
   * @param destroy - Destroys a connection that is still open after the grace period.
   * @param whenNoticed - Calls `report` once the user of the connections has noticed that one is lost. Default: at
   * once.
   */
  constructor(
    destroy: (connection: Duplex) => void,
    whenNoticed = (report: () => void): void => {
      report();
    },
  ) {
    super(destroy);
    this.#whenNoticed = whenNoticed;
  }

  get connections(): number {
    return this.size - this.#handshakes.size;
  }

  onDisconnect(listener: (connections: number) => void): () => void {
    if (typeof listener !== 'function') throw invalidOption('listener', listener, 'Give a function.');
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /**
   * Tracks a connection, whose handshake begins: TLS, the preface and the first SETTINGS of HTTP/2. What arrives before
   * these are complete does not matter: a byte now and then must not hold a connection open.
   *
   * @param timeoutMs - How long the handshake may take, in milliseconds.
   * @param onTimeout - Called if it takes longer.
   * @returns The time limit.
   */
  beginHandshake(connection: Duplex, timeoutMs: number, onTimeout: () => void): Timer {
    const timer = startTimer(timeoutMs, onTimeout);
    this.#handshakes.set(connection, timer);
    this.add(connection);
    connection.once('close', () => {
      if (this.endHandshake(connection)) return;
      const { connections } = this;
      this.#whenNoticed(() => {
        if (this.isClosing) return;
        for (const listener of this.#listeners) listener(connections);
      });
    });
    return timer;
  }

  /** Called when HTTP/2 has begun. Returns whether the handshake was in progress. */
  endHandshake(connection: Duplex): boolean {
    this.#handshakes.get(connection)?.cancel();
    return this.#handshakes.delete(connection);
  }

  /** Whether {@link endHandshakes} was called. */
  get handshakesEnded(): boolean {
    return this.#handshakesEnded;
  }

  /** Ends the connections on which HTTP/2 has not begun. No other one may begin. */
  endHandshakes(end: (connection: Duplex) => void): void {
    this.#handshakesEnded = true;
    for (const connection of this.#handshakes.keys()) end(connection);
  }
}
