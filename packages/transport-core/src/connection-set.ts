import type { Duplex } from 'node:stream';
import { startTimer } from './options.js';

/**
 * The live connections of somebody who closes them all one day: knows when the last has gone, and destroys what has not ended
 * within a grace.
 */
export class ConnectionSet<C extends Duplex> implements Iterable<C> {
  /** How many connections have been destroyed because the grace was over. */
  destroyed = 0;

  readonly #live = new Set<C>();
  readonly #destroy: (connection: C) => void;
  /** One listener for all connections: one for each would be a good part of what a connection takes up. */
  readonly #onClose: (this: C) => void;
  #onEmpty: (() => void) | undefined;
  #deadline = Infinity;
  #timer: NodeJS.Timeout | undefined;

  /** @param destroy - How to end a connection that has not ended by itself. */
  constructor(destroy: (connection: C) => void) {
    this.#destroy = destroy;
    const closed = (connection: C): void => {
      this.#live.delete(connection);
      if (this.#live.size === 0) this.#onEmpty?.();
    };
    this.#onClose = function () {
      closed(this);
    };
  }

  [Symbol.iterator](): IterableIterator<C> {
    return this.#live.values();
  }

  add(connection: C): void {
    this.#live.add(connection);
    connection.on('close', this.#onClose);
  }

  /** Destroys what is left in `graceMs` milliseconds. A later call can bring that moment nearer, not put it off. */
  limitGrace(graceMs: number): void {
    const deadline = performance.now() + graceMs;
    if (deadline >= this.#deadline) return;
    this.#deadline = deadline;
    clearTimeout(this.#timer);
    this.#timer = startTimer(graceMs, () => {
      this.destroyed += this.#live.size;
      for (const connection of this.#live) this.#destroy(connection);
    });
  }

  /** Resolves once no connection is left; the grace ends with it. To be called once, when no more will be added. */
  async ended(): Promise<void> {
    if (this.#live.size > 0) {
      await new Promise<void>((resolve) => {
        this.#onEmpty = resolve;
      });
    }
    clearTimeout(this.#timer);
    // Whoever asks for a shorter grace from here on is too late.
    this.#deadline = -Infinity;
  }
}
