import type { Socket } from 'node:net';
import { connectHints, TransportError } from '@rpcplugin/transport-core';

/**
 * Refuses a socket that is connected to itself. The kernel makes such a connection if it happens to choose the very port that is
 * dialled as the local one, which takes a port in the ephemeral range that nobody listens on, and many attempts; Go's
 * net.Dial guards against it too.
 *
 * @param port - The one that was dialled.
 * @throws TransportError `CONNECTION_REFUSED`; the socket is destroyed then.
 */
export function refuseSelfConnection(socket: Socket, port: number): Socket {
  // In this order: each address is a system call, and Node keeps what it says with the socket.
  if (socket.localPort !== port || socket.localAddress !== socket.remoteAddress) return socket;
  socket.destroy();
  throw new TransportError('CONNECTION_REFUSED', `nobody listens on port ${port}: it connected to itself`, {
    hint: connectHints.CONNECTION_REFUSED,
  });
}
