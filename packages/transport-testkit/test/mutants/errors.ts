import { TransportError } from '@rpcplugin/transport-core';
import type { CloseOptions, ConnectOptions } from '@rpcplugin/transport-core';
import { MemoryTransport } from '../../src/index.js';
import type { MemoryConnection } from '../../src/index.js';
import { withConnection } from './mutant.js';
import type { Listen, Mutant } from './mutant.js';

/** A transport that rejects with other errors. */
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
      'E1 every rejection is a TransportError with a code and says what went wrong',
      'C5 an abort at any moment leaves a connection or nothing',
    ],
    transport: class extends MemoryTransport {
      override connect(endpoint: string, options?: ConnectOptions): Promise<MemoryConnection> {
        return super.connect(endpoint, options).catch((error: unknown) => {
          throw new Error('it did not work', { cause: error });
        });
      }
    },
  },
  {
    mistake: 'gives no hints',
    fails: ['E1 a rejection has a hint where a person can act'],
    transport: withErrors(
      ({ code, message, endpoint, cause }) => new TransportError(code, message, { endpoint, cause }),
    ),
  },
  {
    mistake: 'gives no causes',
    fails: [
      'E1 the cause of a time-out is what went wrong last',
      'L6 an abort while it is pending rejects ABORTED with its reason as the cause',
      'C5 an abort while it waits for an endpoint that does not appear rejects ABORTED with the reason as the cause, and leaves nothing',
      'C5 the reason of a signal that timed out is the cause, and the code ABORTED',
    ],
    transport: withErrors(({ code, message, endpoint, hint }) => new TransportError(code, message, { endpoint, hint })),
  },
  {
    mistake: 'does not name the endpoint',
    fails: [
      'E1 a rejection names the endpoint where one is known',
      'C3 where nobody listens connect rejects, and names the endpoint',
    ],
    transport: withErrors(({ code, cause, hint }) => new TransportError(code, 'it did not work', { cause, hint })),
  },
  {
    mistake: 'does not name an address in use',
    fails: ['E1 a rejection names the endpoint where one is known'],
    transport: withErrors((error) => (error.code === 'ADDRESS_IN_USE' ? unnamed(error) : error)),
  },
  {
    mistake: 'does not name what is no endpoint',
    fails: ['E1 a rejection names the endpoint where one is known'],
    transport: withErrors((error) => (error.code === 'INVALID_ENDPOINT' ? unnamed(error) : error)),
  },
  {
    mistake: 'does not say what went wrong',
    fails: ['E1 every rejection is a TransportError with a code and says what went wrong'],
    transport: withErrors(
      ({ code, endpoint, hint, cause }) => new TransportError(code, 'no', { endpoint, hint, cause }),
    ),
  },
  {
    mistake: 'throws instead of rejecting',
    fails: ['E1 a call that rejects has not thrown'],
    transport: class extends MemoryTransport {
      override close(options: CloseOptions = {}): Promise<void> {
        if (Number.isNaN(options.graceMs)) throw new TypeError('graceMs is no number');
        return super.close(options);
      }
    },
  },
  {
    mistake: 'lets errors of connections end the process',
    fails: ['E2 somebody listens to the errors of every connection'],
    transport: Unguarded,
  },
  {
    mistake: 'lets errors of connections end another process',
    fails: ['E2 errors on connections that nobody listens to do not end a process'],
    transport: Unguarded,
    timeoutMs: 30_000,
  },
];
