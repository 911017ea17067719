import type { Duplex } from 'node:stream';
import { isHandedOver, release } from './handed-over.js';
import { startTimer } from './timer.js';
import type { Timer } from './timer.js';

/** The fewest connections among which to look for those that were handed over. */
const MIN_SEARCHED = 64;

/** Tracks open connections and destroys those still open after a grace period. */
export class ConnectionSet<C extends Duplex> implements Iterable<C> {
  readonly #open = new Set<C>();
  readonly #destroy: (connection: C) => void;
  // One listener for all connections: one each would be a good part of a connection's memory.
  readonly #onClose: (this: C) => void;
  #onEmpty: (() => void) | undefined;
  #destroyed = 0;
  /** How many connections to hold before looking for those that were handed over. */
  #searchAt = MIN_SEARCHED;
  #closed: Promise<void> | undefined;
  #deadline = Infinity;
  #timer: Timer | undefined;

  /** @param destroy - Destroys a connection that is still open after the grace period. */
  constructor(destroy: (connection: C) => void) {
    this.#destroy = destroy;
    const remove = (connection: C): void => {
      this.#open.delete(connection);
      if (this.#open.size === 0) this.#onEmpty?.();
    };
    this.#onClose = function () {
      remove(this);
    };
  }

  /** The open connections. */
  [Symbol.iterator](): IterableIterator<C> {
    return this.#open.values();
  }

  /** How many connections are open. */
  get size(): number {
    return this.#open.size;
  }

  /** How many connections were destroyed because they were still open after the grace period. */
  get destroyed(): number {
    return this.#destroyed;
  }

  /** Whether {@link close} was called. */
  get isClosing(): boolean {
    return this.#closed !== undefined;
  }

  /** What is left of the grace period, in milliseconds. */
  get graceLeftMs(): number {
    return Math.max(0, this.#deadline - performance.now());
  }

  /** Tracks a connection until it closes. One that is handed to another process is closed here some time later. */
  add(connection: C): void {
    if (this.#open.size >= this.#searchAt) this.#releaseHandedOver();
    this.#open.add(connection);
    connection.on('close', this.#onClose);
  }

  /**
   * Starts a close, or joins the one in progress: all callers share its outcome. Connections that are still open when
   * the grace period is over are destroyed.
   *
   * @param graceMs - The grace period in milliseconds. A later call can shorten it but not lengthen it.
   * @param close - Closes: called once, by the first call. It adds no connections and waits for {@link ended}.
   */
  close(graceMs: number, close: () => Promise<void>): Promise<void> {
    this.#closed ??= close().finally(() => {
      this.#timer?.cancel();
      // A later call has nothing left to shorten.
      this.#deadline = -Infinity;
    });
    this.#limitGrace(graceMs);
    return this.#closed;
  }

  /** Resolves once no connection is open. For one caller. */
  async ended(): Promise<void> {
    if (this.#open.size === 0) return;
    await new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
    });
  }

  /** At double the number each time, which makes it a constant effort per connection. */
  #releaseHandedOver(): void {
    const handedOver = [...this.#open].filter(isHandedOver);
    for (const connection of handedOver) release(connection);
    this.#searchAt = Math.max(MIN_SEARCHED, 2 * (this.#open.size - handedOver.length));
  }

  #limitGrace(graceMs: number): void {
    const deadline = performance.now() + graceMs;
    if (deadline >= this.#deadline) return;
    this.#deadline = deadline;
    this.#timer?.cancel();
    this.#timer = startTimer(graceMs, () => {
      this.#destroyed += this.#open.size;
      for (const connection of this.#open) this.#destroy(connection);
    });
  }
}

/** The default handler. A connection that allows half-open does not end with its peer by itself. */
export function discard(connection: Duplex): void {
  connection.on('end', () => connection.end()).resume();
}

/** Ends a connection, and discards its input: with unread input it would never close. */
export function endConnection(connection: Duplex): void {
  if (isHandedOver(connection)) {
    release(connection);
    return;
  }
  // A handler that echoes would write after the end. That is an error, which costs data written before.
  connection.unpipe(connection);
  connection.end();
  if (connection.listenerCount('readable') === 0) {
    connection.resume();
    return;
  }
  // A stream with a `readable` listener does not flow, and need not emit the event again before `read` returns null.
  const readAll = (): void => {
    while (connection.read() !== null);
  };
  connection.on('readable', readAll);
  readAll();
}
