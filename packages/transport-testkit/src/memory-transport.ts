import { quote } from '@rpcplugin/printable';
import { realTime, StreamTransport } from '@rpcplugin/transport-base';
import type { Dialer, ListenContext, Listener } from '@rpcplugin/transport-base';
import { TransportError } from '@rpcplugin/transport-core';
import { MemoryConnection } from './memory-connection.js';

/** The open listeners, by endpoint. */
const listeners = new Map<string, ListenContext<MemoryConnection>>();
let lastNumber = 0;

/** Options of a `MemoryTransport`. */
export interface MemoryTransportOptions {
  /** The endpoint is `memory:` and this name. Default: a new name each time. */
  name?: string | undefined;
}

/**
 * A transport without sockets or files, for tests. Connections are pairs of streams within this process, with
 * backpressure and half-close; endpoints such as `memory:plugin` are known in this process alone. It keeps the whole
 * contract.
 */
export class MemoryTransport extends StreamTransport<MemoryConnection> {
  readonly #name: string | undefined;

  /** @throws TransportError `INVALID_ARGUMENT` for a name that is empty or not a string. */
  constructor({ name }: MemoryTransportOptions = {}) {
    super('memory');
    if (name !== undefined && (typeof name !== 'string' || name === '')) {
      throw new TransportError('INVALID_ARGUMENT', 'name must be a string that is not empty', {
        hint: 'Give a name, or leave it out.',
      });
    }
    this.#name = name;
  }

  protected override listener(): Listener<MemoryConnection> {
    const endpoint = `memory:${this.#name ?? ++lastNumber}`;
    return {
      endpoint,
      open: async (context) => {
        // As with sockets, nothing is bound before the caller continues.
        await Promise.resolve();
        context.operation.throwIfCancelled();
        if (listeners.has(endpoint)) {
          throw new TransportError('ADDRESS_IN_USE', `another transport listens at ${endpoint}`, {
            hint: 'Close the other transport, or choose another name.',
          });
        }
        listeners.set(endpoint, context);
        context.defer(() => {
          listeners.delete(endpoint);
        });
        return endpoint;
      },
    };
  }

  protected override dialer(endpoint: string): Dialer<MemoryConnection> {
    if (!/^memory:./.test(endpoint)) {
      throw new TransportError('INVALID_ENDPOINT', `${quote(endpoint)} is not the endpoint of a memory transport`, {
        hint: 'Give `memory:` and a name, as listen returned it.',
      });
    }
    return {
      endpoint,
      retryMs: 1,
      attempt: async ({ allowHalfOpen, operation }) => {
        // As with sockets, nothing is connected before the caller continues.
        await new Promise(realTime.setImmediate);
        operation.throwIfCancelled();
        const listener = listeners.get(endpoint);
        if (listener === undefined) {
          throw new TransportError('NOT_FOUND', `nothing listens at ${endpoint}`, {
            hint: 'Is there a listener in this very process? Raise waitMs if it needs longer to start.',
          });
        }
        const [near, far] = MemoryConnection.pair({ allowHalfOpen }, { allowHalfOpen: listener.allowHalfOpen });
        listener.accept(far);
        return near;
      },
    };
  }
}
