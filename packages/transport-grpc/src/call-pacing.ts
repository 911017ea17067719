import type { Http2Session } from 'node:http2';
import type { Duplex } from 'node:stream';
import { stopReading } from './http2-hooks.js';

/** How many calls a connection may begin in a turn of the event loop before the others get one. */
const CALLS_PER_TURN = 100;

/** What reads connections again that have had their turn. */
const waiting: (() => void)[] = [];

/**
 * Keeps a connection from holding up the others. Node reads up to 2 MiB from a connection at once: 10,000 calls that
 * are reset at once, which take a second. Connections that begin so many calls take turns.
 */
export function paceCalls(connection: Duplex, session: Http2Session): void {
  let begun = 0;
  session.on('stream', () => {
    if (begun === 0) setImmediate(() => (begun = 0));
    if (++begun !== CALLS_PER_TURN) return;
    if (waiting.push(stopReading(connection)) === 1) setImmediate(readNext);
  });
}

function readNext(): void {
  waiting.shift()?.();
  if (waiting.length > 0) setImmediate(readNext);
}
