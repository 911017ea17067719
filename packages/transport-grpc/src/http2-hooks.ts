import type { Http2Session, Http2Stream } from 'node:http2';
import type { Duplex } from 'node:stream';

// What this package needs from HTTP/2 of Node beyond its documented interface. test/http2-hooks.test.ts has one test
// per assumption:
//
// 1. A session has a handle, whose `hasPendingData` says whether it is going to read or write any more.
// 2. Its state keeps its streams until they are read and written to the end.
// 3. A socket has the HTTP/2 session on it as one of its properties, in the next tick after grpc-js has received it.
// 4. The handle of a socket has `readStop` and `readStart`, which work below HTTP/2 and TLS, and `writeQueueSize`.

/** The HTTP/2 session on a socket, if there is one. */
export function sessionOn(socket: Duplex): Http2Session | undefined {
  const values = Reflect.ownKeys(socket).map((key) => (socket as unknown as Record<PropertyKey, unknown>)[key]);
  return values.find((value): value is Http2Session => /^\w+Http2Session$/.test(value?.constructor?.name ?? ''));
}

/**
 * Whether a session is over, although Node keeps its socket. On an error in HTTP/2, the session sends GOAWAY and
 * neither reads nor writes any more, so that Node does not notice when the peer leaves. Node has ended such sessions by
 * itself since 22.23, 24.17 and 26.1.
 */
export function isOver(session: Http2Session): boolean {
  return !session.destroyed && !hasPendingData(session) && !isFinishing(session);
}

/**
 * Makes Node read a connection again. A session does not read while it writes. If the peer leaves meanwhile, TLS may
 * not report that the write failed, and Node would never read again (nodejs/node#50884; seen on Node 20 to 26). Reading
 * finds the end, after what the peer sent before it. Does nothing while {@link stopReading} holds the connection.
 */
export function readOn(connection: Duplex, session: Http2Session): void {
  // At the end, Node would discard what is not read yet.
  if (session.encrypted !== true || isFinishing(session) || stopped.has(connection)) return;
  const { _handle: handle } = connection as { _handle?: { readStart?(): void; writeQueueSize?: number } | null };
  if (handle?.writeQueueSize === 0) handle.readStart?.();
}

/** Whether a session only waits until the last data of its streams, which are complete, is read and written. */
function isFinishing(session: Http2Session): boolean {
  const streams = session.closed && !session.destroyed ? streamsOf(session) : [];
  return streams.length > 0 && streams.every(({ closed }) => closed);
}

/** Whether a session is going to read or write any more. */
function hasPendingData(session: Http2Session): boolean {
  const handle = internal(session, 'kHandle') as { hasPendingData?(): boolean } | undefined;
  return handle?.hasPendingData?.() !== false;
}

/** The streams of a session that are not complete, or not read and written to the end. */
function streamsOf(session: Http2Session): Http2Stream[] {
  const state = internal(session, 'state') as { streams?: Map<number, Http2Stream> } | undefined;
  return [...(state?.streams?.values() ?? [])];
}

function internal(session: Http2Session, name: string): unknown {
  const key = Object.getOwnPropertySymbols(session).find(({ description }) => description === name);
  return key && (session as unknown as Record<symbol, unknown>)[key];
}

/** The connections that {@link stopReading} has stopped. */
const stopped = new WeakSet<Duplex>();

/** Stops reading a connection, below HTTP/2. Returns a function that resumes it. */
export function stopReading(connection: Duplex): () => void {
  stopped.add(connection);
  const handle = (connection as unknown as { _handle?: { readStop?(): void; readStart?(): void } | null })._handle;
  if (handle?.readStop === undefined) connection.pause();
  else handle.readStop();
  return () => {
    stopped.delete(connection);
    if (handle?.readStart === undefined) connection.resume();
    else if (!connection.destroyed) handle.readStart();
  };
}
