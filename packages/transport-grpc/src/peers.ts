import type { Duplex } from 'node:stream';
import { ConnectionSet, invalidOption } from '@rpcplugin/transport-base';
import { isSilent } from './silence.js';

/** What both ends of gRPC tell about their connections. */
export interface GrpcPeers {
  /** How many connections are open to peers that have sent something. */
  readonly connections: number;
  /**
   * Calls `listener` whenever a connection closes because the peer left or the network failed, with the number of
   * {@link connections} that are left. Connections that `close` ends are not reported, nor those of peers that sent
   * nothing. Returns a function that removes the listener.
   */
  onDisconnect(listener: (connections: number) => void): () => void;
}

/** The connections of a server's listener or of a channel. */
export class PeerConnections extends ConnectionSet<Duplex> implements GrpcPeers {
  readonly #listeners = new Set<(connections: number) => void>();
  readonly #whenNoticed: (report: () => void) => void;

  /**
   * @param destroy - Destroys a connection that is still open after the grace period.
   * @param whenNoticed - Calls `report` once the user of the connections has noticed that one is lost. Default: at once.
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
    let count = 0;
    for (const connection of this) if (!isSilent(connection)) count++;
    return count;
  }

  onDisconnect(listener: (connections: number) => void): () => void {
    if (typeof listener !== 'function') throw invalidOption('listener', listener, 'Give a function.');
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  override add(connection: Duplex): void {
    super.add(connection);
    connection.once('close', () => {
      if (isSilent(connection)) return;
      const { connections } = this;
      this.#whenNoticed(() => {
        if (this.isClosing) return;
        for (const listener of this.#listeners) listener(connections);
      });
    });
  }
}
