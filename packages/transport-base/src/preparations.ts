import type { Duplex } from 'node:stream';
import { TransportError } from '@rpcplugin/transport-core';
import type { ConnectionInfo } from '@rpcplugin/transport-core';
import type { Preparation } from './addresses.js';
import { Operation } from './operation.js';

/** The connections of a transport that their handlers do not have yet. */
export class Preparations {
  readonly #pending = new Set<Operation>();

  /**
   * Prepares a connection and resolves with what is known about it. If that fails, takes too long or is cancelled, the
   * connection is destroyed and the call rejects.
   *
   * @param endpoint - The endpoint that errors name.
   */
  async prepare(connection: Duplex, preparation: Preparation, endpoint: string | undefined): Promise<ConnectionInfo> {
    const { name, timeoutMs, timeoutHint } = preparation;
    const operation = new Operation(name, { endpoint, timeoutMs, timeoutHint });
    this.#pending.add(operation);
    const onClose = (): void => {
      operation.cancel(new TransportError('IO', `${name}: the connection closed`, { endpoint, hint: timeoutHint }));
    };
    // Without a listener, an `error` event would end the process.
    connection.on('error', ignore).on('close', onClose);
    try {
      const info = await preparation.run(operation);
      // It closes later in the turn in which it is destroyed, such as because its listener could not be opened.
      if (connection.destroyed) onClose();
      operation.throwIfCancelled();
      connection.off('error', ignore);
      return info;
    } catch (error) {
      connection.destroy();
      throw operation.failure ?? error;
    } finally {
      connection.off('close', onClose);
      operation.end();
      this.#pending.delete(operation);
    }
  }

  /** Cancels all that are in progress. */
  cancel(failure: TransportError): void {
    for (const operation of this.#pending) operation.cancel(failure);
  }
}

function ignore(): void {
  // A failure shows in what prepares the connection.
}
