import { StreamTransport, TransportError } from '@rpcplugin/transport-core';
import type { BindOptions, Dialer } from '@rpcplugin/transport-core';
import { MemoryConnection } from './memory-connection.js';

/** Who listens, by endpoint. */
const listeners = new Map<string, BindOptions<MemoryConnection>>();
let lastNumber = 0;

export interface MemoryTransportOptions {
  /** What to listen as: the endpoint is `memory:` and this. Default: a new name each time. */
  name?: string | undefined;
}

/**
 * A transport without sockets or files, for tests: connections are pairs of streams in this process, and endpoints such as
 * `memory:plugin` are known in it alone.
 *
 * It keeps the contract. What is written at one end is read at the other in order, with backpressure and half-close.
 */
export class MemoryTransport extends StreamTransport<MemoryConnection> {
  readonly #name: string | undefined;
  #endpoint = '';

  /** @throws TransportError `INVALID_ARGUMENT` for a name that is empty or no text. */
  constructor({ name }: MemoryTransportOptions = {}) {
    super('memory', { waitMs: 0, pollMs: 1 });
    if (name !== undefined && (typeof name !== 'string' || name === '')) {
      throw new TransportError('INVALID_ARGUMENT', 'name must be a text that is not empty', {
        hint: 'Give a name, or leave it out.',
      });
    }
    this.#name = name;
  }

  protected override async open(options: BindOptions<MemoryConnection>): Promise<string> {
    // As with sockets, nothing is bound in the very call.
    await Promise.resolve();
    options.operation.throwIfGivenUp();
    const endpoint = `memory:${this.#name ?? `${++lastNumber}`}`;
    if (listeners.has(endpoint)) {
      throw new TransportError('ADDRESS_IN_USE', `somebody listens at ${endpoint}`, {
        endpoint,
        hint: 'Close the other transport, or choose another name.',
      });
    }
    listeners.set(endpoint, options);
    this.#endpoint = endpoint;
    return endpoint;
  }

  protected override shut(): void {
    listeners.delete(this.#endpoint);
  }

  protected override dialer(endpoint: string): Dialer<MemoryConnection> {
    if (typeof endpoint !== 'string' || !/^memory:./.test(endpoint)) {
      throw new TransportError(
        'INVALID_ENDPOINT',
        `${JSON.stringify(endpoint)} is not the endpoint of a transport in memory`,
        {
          ...(typeof endpoint === 'string' && { endpoint }),
          hint: 'It is `memory:` and a name: what listen resolved with.',
        },
      );
    }
    return {
      endpoint,
      attempt: async ({ allowHalfOpen, operation }) => {
        // As with sockets, nobody is reached in the very call.
        await new Promise(setImmediate);
        operation.throwIfGivenUp();
        const listener = listeners.get(endpoint);
        if (listener === undefined) throw nobody(endpoint);
        const [near, far] = MemoryConnection.pair({ allowHalfOpen }, { allowHalfOpen: listener.allowHalfOpen });
        listener.accept(far);
        return near;
      },
    };
  }
}

function nobody(endpoint: string): TransportError {
  return new TransportError('NOT_FOUND', `nobody listens at ${endpoint}`, {
    endpoint,
    hint: 'Is there a listener in this very process? Raise waitMs if it needs longer to start.',
  });
}
