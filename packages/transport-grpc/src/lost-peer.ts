import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** The interval between two checks for the peer, in milliseconds. */
const INTERVAL_MS = 500;
const NOTHING = Buffer.alloc(0);

/**
 * Makes a TLS connection notice that its peer is gone. When a write to a lost peer fails at once, Node's TLS may stop
 * reading and report nothing (nodejs/node#50884; seen on Node 20 to 26): HTTP/2 still takes the connection for alive,
 * and its calls hang. An empty write that bypasses TLS sends no bytes, but fails if the peer is gone. The socket then
 * closes, and with it every layer above.
 *
 * @param socket - The socket below TLS.
 * @param secured - The TLS socket below HTTP/2, which references it (`ref`) while calls are in progress.
 */
export function noticeLostPeer(socket: Duplex, secured: Socket): void {
  // Only sockets of the operating system are affected.
  if (!(socket instanceof Socket)) return;
  const timer = setInterval(() => {
    const { bytesRead } = socket;
    // Lets Node first read input that has arrived, perhaps the peer's last. If nothing was read, there is none, or Node
    // no longer reads.
    setImmediate(() => {
      if (socket.bytesRead === bytesRead && socket.writable) socket.write(NOTHING);
    });
  }, INTERVAL_MS).unref();
  socket.once('close', () => {
    clearInterval(timer);
  });
  // A socket that does not read does not keep the process alive: it would exit silently in the middle of a call.
  const ref = secured.ref.bind(secured);
  const unref = secured.unref.bind(secured);
  secured.ref = () => {
    timer.ref();
    return ref();
  };
  secured.unref = () => {
    timer.unref();
    return unref();
  };
}

/**
 * Makes calls end with `UNAVAILABLE` when the connection is lost, whichever error the operating system reports. grpc-js
 * does so only for ECONNRESET and ETIMEDOUT, and turns EPIPE into `INTERNAL`. After a GOAWAY, from a plugin that
 * closes, Node's HTTP/2 does not report ECONNRESET, which becomes `INTERNAL` too. The message stays, and nothing else
 * reads the code.
 */
export function reportAsLost(socket: Duplex): void {
  socket.prependListener('error', (error: NodeJS.ErrnoException) => {
    // An error that HTTP/2 itself finds has no `syscall`.
    if (error.syscall !== undefined) error.code = 'ETIMEDOUT';
  });
}
