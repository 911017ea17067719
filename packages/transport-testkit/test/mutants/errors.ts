import { TransportError } from '@rpcplugin/transport-core';
import type { CloseOptions, ConnectOptions } from '@rpcplugin/transport-core';
import { MemoryTransport } from '../../src/index.js';
import type { MemoryConnection } from '../../src/index.js';
import { withConnection } from './mutant.js';
import type { Listen, Mutant } from './mutant.js';

/** A transport that changes the errors it rejects with. */
function withErrors(change: (error: TransportError) => TransportError): Mutant['transport'] {
  const changed = (error: unknown): never => {
    throw TransportError.isInstance(error) ? change(error) : error;
  };
  return class extends MemoryTransport {
    override listen(options?: Listen): Promise<string> {
      return super.listen(options).catch(changed);
    }
    override connect(endpoint: string, options?: ConnectOptions): Promise<MemoryConnection> {
      return super.connect(endpoint, options).catch(changed);
    }
  };
}

function unnamed({ code, message, hint, cause }: TransportError): TransportError {
  return new TransportError(code, message, { hint, cause });
}

const Unguarded = withConnection((connection) => {
  connection.removeAllListeners('error');
});

export const errorMutants: readonly Mutant[] = [
  {
    mistake: 'rejects with plain errors',
    fails: [
      'E1 rejects with a TransportError that has a code and a message',
      'C5 leaves a connection or nothing when connect is aborted at any moment',
    ],
    transport: class extends MemoryTransport {
      override connect(endpoint: string, options?: ConnectOptions): Promise<MemoryConnection> {
        return super.connect(endpoint, options).catch((error: unknown) => {
          throw new Error('the operation failed', { cause: error });
        });
      }
    },
  },
  {
    mistake: 'gives no hints',
    fails: ['E1 gives a hint if a person can fix the error'],
    transport: withErrors(
      ({ code, message, endpoint, cause }) => new TransportError(code, message, { endpoint, cause }),
    ),
  },
  {
    mistake: 'gives no causes',
    fails: [
      'E1 reports the last failed attempt as the cause of a TIMEOUT',
      'L6 rejects a pending listen with ABORTED and the reason of the abort as cause',
      'C5 rejects an aborted connect with the reason as cause and leaves nothing behind (the endpoint does not appear)',
      'C5 rejects with ABORTED, not TIMEOUT, when AbortSignal.timeout aborts',
    ],
    transport: withErrors(({ code, message, endpoint, hint }) => new TransportError(code, message, { endpoint, hint })),
  },
  {
    mistake: 'does not name the endpoint',
    fails: ['E1 names the endpoint if one is known', 'C3 names the endpoint when nothing listens'],
    transport: withErrors(({ code, cause, hint }) => new TransportError(code, 'the operation failed', { cause, hint })),
  },
  {
    mistake: 'does not name an address in use',
    fails: ['E1 names the endpoint if one is known'],
    transport: withErrors((error) => (error.code === 'ADDRESS_IN_USE' ? unnamed(error) : error)),
  },
  {
    mistake: 'does not name an invalid endpoint',
    fails: ['E1 names the endpoint if one is known'],
    transport: withErrors((error) => (error.code === 'INVALID_ENDPOINT' ? unnamed(error) : error)),
  },
  {
    mistake: 'gives meaningless messages',
    fails: ['E1 rejects with a TransportError that has a code and a message'],
    transport: withErrors(
      ({ code, endpoint, hint, cause }) => new TransportError(code, 'no', { endpoint, hint, cause }),
    ),
  },
  {
    mistake: 'throws instead of rejecting',
    fails: ['E1 rejects instead of throwing'],
    transport: class extends MemoryTransport {
      override close(options: CloseOptions = {}): Promise<void> {
        if (Number.isNaN(options.graceMs)) throw new TypeError('graceMs is not a number');
        return super.close(options);
      }
    },
  },
  {
    mistake: 'lets connection errors crash the process',
    fails: ['E2 keeps an error listener on every connection'],
    transport: Unguarded,
  },
  {
    mistake: 'lets connection errors crash another process',
    fails: ['E2 keeps a process alive when connections without an error listener fail'],
    transport: Unguarded,
    isSlow: true,
  },
];
