import { StreamTransport } from '@rpcplugin/transport-base';
import type { Dialer, Listener } from '@rpcplugin/transport-base';
import { TransportError } from '@rpcplugin/transport-core';
import type { Transport } from '@rpcplugin/transport-core';
import { MemoryConnection } from '../src/memory-connection.js';
import type { TransportSubject } from '../src/index.js';

/** One end of a connection in memory, without an address. */
export class EndTransport extends StreamTransport<MemoryConnection> {
  readonly #end: MemoryConnection;
  #isUsed = false;

  constructor(end: MemoryConnection) {
    super('end');
    this.#end = end;
  }

  protected override listener(): Listener<MemoryConnection> {
    return {
      endpoint: 'end:',
      open: async (context) => {
        await Promise.resolve();
        context.operation.throwIfCancelled();
        const end = this.take(context.allowHalfOpen);
        const accepting = setImmediate(context.accept, end);
        context.defer(() => {
          clearImmediate(accepting);
        });
        return 'end:';
      },
    };
  }

  protected override dialer(endpoint: string): Dialer<MemoryConnection> {
    return {
      endpoint,
      attempt: async ({ allowHalfOpen }) => {
        await new Promise(setImmediate);
        return this.take(allowHalfOpen);
      },
    };
  }

  /** Returns the end, once. */
  protected take(allowHalfOpen: boolean): MemoryConnection {
    if (this.#isUsed) {
      throw new TransportError('CLOSED', 'the transport has had its connection', { hint: 'Create another pair.' });
    }
    this.#isUsed = true;
    this.#end.allowHalfOpen = allowHalfOpen;
    return this.#end;
  }
}

/** A subject whose transports have one connection. */
export function oneConnectionSubject(End: new (end: MemoryConnection) => Transport): TransportSubject {
  const others = new WeakMap<Transport, Transport>();
  return {
    create: () => {
      const [one, other] = MemoryConnection.pair({ allowHalfOpen: false }, { allowHalfOpen: false });
      const transport = new End(one);
      others.set(transport, new End(other));
      return transport;
    },
    capabilities: {
      peerOf: (transport) => {
        const other = others.get(transport);
        if (other === undefined) throw new Error('the transport is not that of create');
        return other;
      },
    },
  };
}

export const oneConnection = oneConnectionSubject(EndTransport);
