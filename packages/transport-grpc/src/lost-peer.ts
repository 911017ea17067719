import type { ClientHttp2Session, Http2Session } from 'node:http2';
import type { Duplex } from 'node:stream';

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

/** Does the same for what ends HTTP/2 without an error of the socket: a GOAWAY with an error code, malformed data. */
export function reportSessionAsLost(session: Http2Session): void {
  const destroy = session.destroy.bind(session);
  // Node calls this with the error that its streams end with.
  session.destroy = (error, code) => {
    if (error instanceof Error) Object.assign(error, { code: 'ETIMEDOUT' });
    destroy(error, code);
  };
}

/**
 * Makes a call that begins on a session that has ended throw, as in Node before version 24: grpc-js then begins it on a
 * new connection. Otherwise, all calls until the session closes would end with `INTERNAL`, and a caller that repeats
 * them at once would keep it from closing.
 */
export function refuseCallsAfterEnd(session: Http2Session): void {
  const client = session as ClientHttp2Session;
  const request = client.request.bind(client);
  client.request = (...args) => {
    if (client.destroyed || client.closed) throw new Error('the HTTP/2 session has ended');
    return request(...args);
  };
}
