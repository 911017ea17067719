import type { Socket } from 'node:net';

/** How often it is looked whether the peer is there, in milliseconds. */
const INTERVAL_MS = 500;
const NOTHING = Buffer.alloc(0);

/**
 * Makes a connection under TLS notice that its peer is gone. When a write to such a peer fails at once, Node's TLS may stop to read
 * and report nothing (nodejs/node#50884; seen on Node 20 to 26): HTTP/2 goes on believing in the connection, and its calls hang. A
 * write of nothing, past TLS, puts no byte on the wire; it fails if the peer is gone, and the socket then closes with all above.
 *
 * @param socket - What TLS is on.
 * @param secured - What HTTP/2 is on: held on to (`ref`) while there are calls.
 */
export function noticeLostPeer(socket: Socket, secured: Socket): void {
  const timer = setInterval(() => {
    const { bytesRead } = socket;
    // Once whatever has come, the peer's last words perhaps, has been read; unless Node does not read.
    setImmediate(() => {
      if (socket.bytesRead === bytesRead && socket.writable) socket.write(NOTHING);
    });
  }, INTERVAL_MS).unref();
  socket.once('close', () => {
    clearInterval(timer);
  });
  // A socket that does not read does not keep the process either: it would end, without a word, in the middle of a call.
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
 * Makes calls end as `UNAVAILABLE` when the connection is lost, whatever the operating system says of it. grpc-js does so for
 * ECONNRESET and ETIMEDOUT alone, and makes `INTERNAL` of EPIPE; and ECONNRESET after a GOAWAY, of a plugin that closes, Node's HTTP/2
 * keeps to itself, which is `INTERNAL` too. The message stays; nothing else reads the code.
 */
export function reportAsLost(socket: Socket): void {
  socket.prependListener('error', (error: NodeJS.ErrnoException) => {
    // What HTTP/2 finds wrong is of no system call.
    if (error.syscall !== undefined) error.code = 'ETIMEDOUT';
  });
}
