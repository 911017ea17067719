import type { Duplex } from 'node:stream';
import type { TransportError } from '@rpcplugin/transport-core';
import type { ListenContext, Listener } from './addresses.js';
import { Cleanup } from './cleanup.js';
import { Operation } from './operation.js';

/** One `listen`: opening until its endpoint is known, then listening until it is stopped. */
export class ActiveListener<C extends Duplex> {
  readonly listener: Listener<C>;
  readonly #operation: Operation;
  readonly #cleanup = new Cleanup();
  /** Connections accepted while it was opening. They are destroyed if that fails. */
  readonly #early: C[] = [];
  #endpoint: string | undefined;
  /** Settles once opening succeeded, or failed and was undone. Never rejects. */
  #opened: Promise<unknown> = Promise.resolve();

  /** @throws TransportError `ABORTED` if the signal is aborted already, `INVALID_ARGUMENT` if it is not a signal. */
  constructor(listener: Listener<C>, signal: AbortSignal | undefined) {
    this.listener = listener;
    this.#operation = new Operation('listen', { endpoint: listener.endpoint, signal });
  }

  /** The canonical endpoint, once it listens. */
  get endpoint(): string | undefined {
    return this.#endpoint;
  }

  /** Opens the address. Undoes all that was done if that fails or is cancelled, and then rejects. */
  open(context: Omit<ListenContext<C>, 'operation' | 'defer'>): Promise<string> {
    const opened = this.#open({
      ...context,
      accept: (connection, preparation) => {
        if (this.#endpoint === undefined) this.#early.push(connection);
        context.accept(connection, preparation);
      },
      operation: this.#operation,
      defer: (undo) => {
        this.#cleanup.defer(undo);
      },
    });
    this.#opened = opened.catch(() => undefined);
    return opened;
  }

  async #open(context: ListenContext<C>): Promise<string> {
    const operation = this.#operation;
    try {
      const endpoint = await this.listener.open(context);
      operation.throwIfCancelled();
      this.#endpoint = endpoint;
      return endpoint;
    } catch (error) {
      // If cleaning up fails too, the first error says more.
      await this.#cleanup.run().catch(() => undefined);
      for (const connection of this.#early) connection.destroy();
      throw operation.failure ?? error;
    } finally {
      operation.end();
      this.#early.length = 0;
    }
  }

  /** Stops listening, or cancels opening with the reason. Rejects if the address could not be released. */
  async stop(reason: TransportError): Promise<void> {
    if (this.#endpoint === undefined) this.#operation.cancel(reason);
    await this.#opened;
    await this.#cleanup.run();
  }
}
