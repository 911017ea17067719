import type { Http2Session, ServerHttp2Stream } from 'node:http2';
import type { Duplex } from 'node:stream';
import { callPings } from './call-pings.js';
import { isOver, readOn } from './http2-hooks.js';

/** How long after a turn of the event loop connections are looked at, in milliseconds. */
const DELAY_MS = 250;

/** A connection that Node may keep although it is over. */
interface WatchedConnection {
  readonly connection: Duplex;
  readonly session: Http2Session;
  /** Ends the connection of a session that is over. */
  readonly end: () => void;
  /** Whether the last look found the session destroyed. */
  wasDestroyed?: boolean;
}

// All connections share one timer. Whatever happens to a connection happens in a turn of the event loop, so a turn
// starts the timer, and an immediate that is not referenced waits for a turn without causing one: an idle process
// sleeps.
const watched = new Set<WatchedConnection>();
/** Clients' connections with calls in progress. */
const busy = new Set<WatchedConnection>();
let timer: NodeJS.Timeout | undefined;

/**
 * Ends a connection within a second after it is over, in three cases that Node does not notice:
 *
 * - HTTP/2 failed, such as because of a malformed frame: see {@link isOver}.
 * - The peer left during a write under TLS: see {@link readOn}.
 * - The session has ended its side, and the peer, whose machine may have vanished, does not end its own.
 */
function watch(item: WatchedConnection): void {
  watched.add(item);
  item.connection.once('close', () => {
    watched.delete(item);
    setBusy(item, false);
  });
  startTimer();
}

/**
 * Watches a server's connection, with pings during calls.
 *
 * @param end - Ends the connection.
 */
export function watchServer(connection: Duplex, session: Http2Session, pingIntervalMs: number, end: () => void): void {
  watch({ connection, session, end });
  const pings = callPings(connection, session, pingIntervalMs, end);
  if (pings === undefined) return;
  let calls = 0;
  session.on('stream', (stream: ServerHttp2Stream) => {
    if (calls++ === 0) pings.setBusy(true);
    stream.once('close', () => {
      if (--calls === 0) pings.setBusy(false);
    });
  });
}

/**
 * Watches a client's connection, with pings during calls, and looks at it during calls even if nothing happens: a
 * socket that does not read does not keep the process alive, which would exit silently in the middle of a call.
 *
 * @param session - The session, which grpc-js references (`ref`) during calls.
 */
export function watchClient(connection: Duplex, session: Http2Session, pingIntervalMs: number): void {
  const end = (): void => {
    session.destroy(new Error('HTTP/2 failed'));
    connection.destroy();
  };
  const item = { connection, session, end };
  watch(item);
  const pings = callPings(connection, session, pingIntervalMs, () => {
    // As if the kernel had noticed.
    connection.destroy(Object.assign(new Error('the other side does not answer'), { syscall: 'ping' }));
  });
  const ref = session.ref.bind(session);
  const unref = session.unref.bind(session);
  session.ref = () => {
    setBusy(item, true);
    pings?.setBusy(true);
    ref();
  };
  session.unref = () => {
    setBusy(item, false);
    pings?.setBusy(false);
    unref();
  };
}

function setBusy(item: WatchedConnection, isBusy: boolean): void {
  if (isBusy && watched.has(item)) {
    busy.add(item);
    startTimer();
  } else if (busy.delete(item) && busy.size === 0) timer?.unref();
}

function startTimer(): void {
  if (watched.size === 0) return;
  timer ??= setTimeout(look, DELAY_MS).unref();
  if (busy.size > 0) timer.ref();
}

function look(): void {
  timer = undefined;
  let isEnding = false;
  for (const item of watched) {
    const { connection, session, end, wasDestroyed } = item;
    readOn(connection, session);
    if (wasDestroyed === true || isOver(session)) end();
    else if (session.destroyed) isEnding = item.wasDestroyed = true;
  }
  if (busy.size > 0 || isEnding) startTimer();
  else setImmediate(startTimer).unref();
}
