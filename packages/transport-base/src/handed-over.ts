import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/**
 * Whether a connection was handed to another process: `child.send(message, socket)` takes the descriptor away from the
 * socket, which then neither closes nor emits anything more. Without a descriptor, a socket is `pending`; otherwise
 * only one that is connecting or destroyed is. HTTP/2, TLS and HTTP leave the descriptor with the socket below them,
 * and so does the option `keepOpen` of `send`.
 */
export function isHandedOver(connection: Duplex): boolean {
  return connection instanceof Socket && connection.pending && !connection.connecting && !connection.destroyed;
}

/** Destroys the socket of a connection that was handed over, which stays open in the other process. */
export function release(connection: Duplex): void {
  // Node does not count the socket among those of its server any more. It would subtract it once more when it closes,
  // and `maxConnections` would let one connection too many in.
  (connection as { _server?: unknown })._server = null;
  connection.destroy();
}
