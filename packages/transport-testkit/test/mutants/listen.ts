import { TransportError } from '@rpcplugin/transport-core';
import type { ConnectOptions } from '@rpcplugin/transport-core';
import { MemoryTransport } from '../../src/index.js';
import type { MemoryConnection } from '../../src/index.js';
import { files, withConnection, withHandler } from './mutant.js';
import type { Listen, Mutant } from './mutant.js';

let lastLate = 0;
/** That of the first who listened. */
let firstEndpoint: string | undefined;
const holders = new Map<string, MemoryTransport>();

export const listenMutants: readonly Mutant[] = [
  {
    mistake: 'resolves before it listens',
    fails: ['L1 the address accepts connections at once'],
    transport: class extends MemoryTransport {
      override listen(options?: Listen): Promise<string> {
        const later = new MemoryTransport({ name: `late-${++lastLate}` });
        setTimeout(() => void later.listen(options).then(() => later.close()), 20);
        return Promise.resolve(`memory:late-${lastLate}`);
      }
    },
  },
  {
    mistake: 'forgets its endpoint',
    fails: [
      'L1 the endpoint that listen resolves with is also that of the transport',
      'C1 the endpoint of a transport is that of its last connect, unless it listens',
    ],
    transport: class extends MemoryTransport {
      override get endpoint(): undefined {
        return undefined;
      }
    },
  },
  {
    mistake: 'resolves with an endpoint that is not canonical',
    fails: ['L1 the endpoint is canonical'],
    transport: class extends MemoryTransport {
      override async listen(options?: Listen): Promise<string> {
        return (await super.listen(options)).toUpperCase();
      }
    },
  },
  {
    mistake: 'always has an endpoint',
    fails: ['L1 there is no endpoint before the address accepts connections', 'X4 there is no endpoint after close'],
    transport: class extends MemoryTransport {
      override get endpoint(): string {
        return super.endpoint ?? 'memory:some';
      }
    },
  },
  {
    mistake: 'looks for endpoints in the wrong place',
    fails: [
      'L2 the endpoint leads another instance there',
      'L2 the endpoint leads the listening instance itself there',
    ],
    transport: class extends MemoryTransport {
      override connect(endpoint: string, options?: ConnectOptions): Promise<MemoryConnection> {
        return super.connect(`${endpoint}/elsewhere`, options);
      }
    },
  },
  {
    mistake: 'knows one endpoint for all',
    fails: ['L2 each of several listeners is reached by its own endpoint'],
    transport: class extends MemoryTransport {
      override async listen(options?: Listen): Promise<string> {
        const endpoint = await super.listen(options);
        firstEndpoint ??= endpoint;
        return endpoint;
      }
      override connect(endpoint: string, options?: ConnectOptions): Promise<MemoryConnection> {
        return super.connect(firstEndpoint ?? endpoint, options);
      }
    },
  },
  {
    mistake: 'loses what comes early',
    fails: ['L3 nothing of what came early is lost to a handler that listens late'],
    transport: withHandler((handler) => (connection) => {
      connection.resume();
      setImmediate(() => {
        connection.pause();
        void handler(connection);
      });
    }),
  },
  {
    mistake: 'hands over connections that flow',
    fails: [
      'L3 a connection does not flow yet when it reaches the handler',
      'C1 the connection does not flow yet, and nothing of what comes early is lost',
    ],
    finds: /it flows already/,
    transport: withConnection((connection) => {
      connection.resume();
    }),
  },
  {
    mistake: 'hands over connections late, and flowing',
    fails: ['L3 a connection does not flow yet when it reaches the handler'],
    transport: withHandler((handler) => (connection) => {
      setImmediate(() => {
        connection.resume();
        void handler(connection);
      });
    }),
  },
  {
    mistake: 'hands a connection over twice',
    fails: ['L3 each connection reaches the handler exactly once'],
    transport: withHandler((handler) => (connection) => {
      void handler(connection);
      return handler(connection);
    }),
  },
  {
    mistake: 'does not read without a handler',
    fails: [
      'L3 without a handler input is discarded (allowHalfOpen: false)',
      'L3 without a handler input is discarded (allowHalfOpen: true)',
      'L3 without a handler a connection ends with its peer (allowHalfOpen: false)',
      'L3 without a handler a connection ends with its peer (allowHalfOpen: true)',
    ],
    transport: class extends MemoryTransport {
      override listen(options: Listen = {}): Promise<string> {
        return super.listen({ onConnection: () => undefined, ...options });
      }
    },
  },
  {
    mistake: 'does not read half-open connections without a handler',
    fails: [
      'L3 without a handler input is discarded (allowHalfOpen: true)',
      'L3 without a handler a connection ends with its peer (allowHalfOpen: true)',
    ],
    transport: class extends MemoryTransport {
      override listen(options: Listen = {}): Promise<string> {
        return super.listen({ ...(options.allowHalfOpen === true && { onConnection: () => undefined }), ...options });
      }
    },
  },
  {
    mistake: 'lets a second listen replace the first',
    fails: ['L4 a second listen rejects ALREADY_LISTENING', 'L4 a second listen leaves the first undisturbed'],
    transport: class extends MemoryTransport {
      override async listen(options?: Listen): Promise<string> {
        await this.stopListening();
        return super.listen(options);
      }
    },
  },
  {
    mistake: 'lets a second listen replace the handler of the first',
    fails: ['L4 a second listen leaves the first undisturbed'],
    transport: class extends MemoryTransport {
      #handler: Listen['onConnection'];
      override listen({ onConnection, ...options }: Listen = {}): Promise<string> {
        this.#handler = onConnection ?? this.#handler;
        return super.listen({ ...options, onConnection: (connection) => this.#handler?.(connection) });
      }
    },
  },
  {
    mistake: 'gives a second listen what the first gets',
    fails: ['L4 a second listen rejects ALREADY_LISTENING while the first is pending'],
    transport: class extends MemoryTransport {
      #listening: Promise<string> | undefined;
      override listen(options?: Listen): Promise<string> {
        return (this.#listening ??= super.listen(options));
      }
    },
  },
  {
    mistake: 'believes that it listens where another does',
    fails: ['L5 of many that want one address at the same time one gets it'],
    transport: class extends MemoryTransport {
      override listen(options?: Listen): Promise<string> {
        return super.listen(options).catch((error: unknown) => {
          if (TransportError.isInstance(error) && error.code === 'ADDRESS_IN_USE') return String(error.endpoint);
          throw error;
        });
      }
    },
  },
  {
    mistake: 'takes an address from its holder',
    fails: [
      'L5 an address in use rejects ADDRESS_IN_USE',
      'L5 the holder of an address in use keeps its name and its connections',
    ],
    transport: class extends MemoryTransport {
      override async listen(options?: Listen): Promise<string> {
        const endpoint = await super.listen(options).catch(async (error: unknown) => {
          if (!TransportError.isInstance(error) || error.code !== 'ADDRESS_IN_USE') throw error;
          await holders.get(error.endpoint ?? '')?.stopListening();
          return super.listen(options);
        });
        holders.set(endpoint, this);
        return endpoint;
      }
    },
  },
  {
    mistake: 'leaves a file where its address is in use',
    fails: ['L5 a listen that found its address in use leaves nothing'],
    transport: class extends MemoryTransport {
      override listen(options?: Listen): Promise<string> {
        return super.listen(options).catch((error: unknown) => {
          if (TransportError.isInstance(error) && error.code === 'ADDRESS_IN_USE') files.push('s');
          throw error;
        });
      }
    },
  },
  {
    mistake: 'hangs when listen is aborted',
    fails: ['L6 an abort while it is pending rejects ABORTED with its reason as the cause'],
    transport: class extends MemoryTransport {
      override async listen(options: Listen = {}): Promise<string> {
        await Promise.resolve();
        if (options.signal?.aborted === true) await new Promise(() => undefined);
        return super.listen(options);
      }
    },
  },
  {
    mistake: 'can listen only once',
    fails: [
      'L6 after an aborted listen the transport can listen',
      'X5 after stopListening the transport can listen again',
    ],
    transport: class extends MemoryTransport {
      #listened = false;
      override async listen(options?: Listen): Promise<string> {
        if (this.#listened) throw new TransportError('ALREADY_LISTENING', 'it has listened already');
        this.#listened = true;
        return super.listen(options);
      }
    },
  },
  {
    mistake: 'heeds the signal of listen for good',
    fails: [
      'L6 once it has resolved the signal does nothing',
      'L6 an abort at any moment leaves a listener or nothing',
    ],
    transport: class extends MemoryTransport {
      override async listen(options: Listen = {}): Promise<string> {
        const endpoint = await super.listen(options);
        options.signal?.addEventListener('abort', () => void this.stopListening());
        return endpoint;
      }
    },
  },
  {
    mistake: 'stops listening when a handler fails',
    fails: [
      'L7 a handler that rejects costs its own connection, and no other',
      'L7 a handler that throws undefined costs its own connection, and no other',
      'L7 a handler that rejects with the promise of another realm costs its own connection, and no other',
      'L7 a handler that rejects later costs its own connection, and no other',
      'L7 a handler that rejects after its connection has gone costs nothing',
    ],
    transport: withHandler((handler, transport) => async (connection) => {
      try {
        await handler(connection);
      } catch (error) {
        await transport.stopListening();
        throw error;
      }
    }),
  },
  {
    mistake: 'keeps connections whose handler failed',
    fails: ['L7 a handler that throws costs its own connection, and no other'],
    transport: withHandler((handler) => async (connection) => {
      await Promise.resolve()
        .then(() => handler(connection))
        .catch(() => undefined);
    }),
  },
  {
    mistake: 'takes whatever a handler returns for a promise',
    fails: ['L7 a handler that returns something else than a promise costs nothing'],
    transport: withHandler((handler) => async (connection) => {
      await (handler(connection) as Promise<void> | undefined)?.finally(() => undefined);
    }),
  },
  {
    mistake: 'is known in its own process only',
    fails: ['L2 the endpoint leads another process there'],
    transport: MemoryTransport,
    timeoutMs: 30_000,
  },
  {
    mistake: 'takes an address whose holder does not answer',
    fails: ['L5 an address whose holder is too busy to answer is in use'],
    transport: MemoryTransport,
  },
];
