import { TransportError } from '@rpcplugin/transport-core';
import type { ConnectOptions } from '@rpcplugin/transport-core';
import { MemoryTransport } from '../../src/index.js';
import type { MemoryConnection } from '../../src/index.js';
import { turns } from '../../src/waiting.js';
import { files, withConnection, withHandler } from './mutant.js';
import type { Listen, Mutant } from './mutant.js';

let lastLate = 0;
/** The endpoint of the first listener. */
let firstEndpoint: string | undefined;
const holders = new Map<string, MemoryTransport>();

export const listenMutants: readonly Mutant[] = [
  {
    mistake: 'resolves listen too early',
    fails: ['L1 accepts connections as soon as listen resolves'],
    transport: class extends MemoryTransport {
      override listen(options?: Listen): Promise<string> {
        const later = new MemoryTransport({ name: `late-${++lastLate}` });
        setTimeout(() => void later.listen(options).then(() => later.close()), 200);
        return Promise.resolve(`memory:late-${lastLate}`);
      }
    },
  },
  {
    mistake: 'forgets its endpoint',
    fails: [
      'L1 sets transport.endpoint to the endpoint that listen resolves with',
      'C1 sets transport.endpoint to that of the last connect unless it listens',
    ],
    transport: class extends MemoryTransport {
      override get endpoint(): undefined {
        return undefined;
      }
    },
  },
  {
    mistake: 'resolves listen with a non-canonical endpoint',
    fails: ['L1 resolves listen with a canonical endpoint'],
    transport: class extends MemoryTransport {
      override async listen(options?: Listen): Promise<string> {
        return (await super.listen(options)).toUpperCase();
      }
    },
  },
  {
    mistake: 'always has an endpoint',
    fails: ['L1 has no endpoint while listen is pending', 'X4 has no endpoint after close'],
    transport: class extends MemoryTransport {
      override get endpoint(): string {
        return super.endpoint ?? 'memory:some';
      }
    },
  },
  {
    mistake: 'connects to the wrong endpoint',
    fails: ['L2 connects another transport to the endpoint', 'L2 connects the listening transport to its own endpoint'],
    transport: class extends MemoryTransport {
      override connect(endpoint: string, options?: ConnectOptions): Promise<MemoryConnection> {
        return super.connect(`${endpoint}/elsewhere`, options);
      }
    },
  },
  {
    mistake: 'connects every endpoint to the same listener',
    hangs: ['L2 connects each endpoint to its own listener'],
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
    mistake: 'loses early data',
    hangs: ['L3 delivers early data to a handler that reads late'],
    transport: withHandler((handler) => (connection, info) => {
      connection.resume();
      void turns(5).then(() => {
        connection.pause();
        return handler(connection, info);
      });
    }),
  },
  {
    mistake: 'hands over flowing connections',
    fails: ['L3 passes connections to the handler before they flow', 'C1 keeps early data until the dialer reads'],
    finds: /the connection flows already/,
    transport: withConnection((connection) => {
      connection.resume();
    }),
  },
  {
    mistake: 'hands over connections late and flowing',
    fails: ['L3 passes connections to the handler before they flow'],
    transport: withHandler((handler) => (connection, info) => {
      setImmediate(() => {
        connection.resume();
        void handler(connection, info);
      });
    }),
  },
  {
    mistake: 'calls the handler twice for each connection',
    fails: ['L3 passes each connection to the handler exactly once'],
    transport: withHandler((handler) => (connection, info) => {
      void handler(connection, info);
      return handler(connection, info);
    }),
  },
  {
    mistake: 'does not read without a handler',
    hangs: [
      'L3 discards input without a handler (allowHalfOpen: false)',
      'L3 discards input without a handler (allowHalfOpen: true)',
      'L3 ends a connection without a handler when its peer ends (allowHalfOpen: false)',
      'L3 ends a connection without a handler when its peer ends (allowHalfOpen: true)',
    ],
    transport: class extends MemoryTransport {
      override listen(options: Listen = {}): Promise<string> {
        return super.listen({ onConnection: () => undefined, ...options });
      }
    },
  },
  {
    mistake: 'does not read half-open connections without a handler',
    hangs: [
      'L3 discards input without a handler (allowHalfOpen: true)',
      'L3 ends a connection without a handler when its peer ends (allowHalfOpen: true)',
    ],
    transport: class extends MemoryTransport {
      override listen(options: Listen = {}): Promise<string> {
        return super.listen({ ...(options.allowHalfOpen === true && { onConnection: () => undefined }), ...options });
      }
    },
  },
  {
    mistake: 'lets a second listen replace the first',
    fails: [
      'L4 rejects a second listen with ALREADY_LISTENING',
      'L4 keeps its endpoint and connections after a second listen',
    ],
    transport: class extends MemoryTransport {
      override async listen(options?: Listen): Promise<string> {
        await this.stopListening();
        return super.listen(options);
      }
    },
  },
  {
    mistake: 'lets a rejected second listen replace the handler',
    hangs: ['L4 keeps its endpoint and connections after a second listen'],
    transport: class extends MemoryTransport {
      #handler: Listen['onConnection'];
      override listen({ onConnection, ...options }: Listen = {}): Promise<string> {
        this.#handler = onConnection ?? this.#handler;
        return super.listen({ ...options, onConnection: (connection, info) => this.#handler?.(connection, info) });
      }
    },
  },
  {
    mistake: 'shares the result of a pending listen with a second one',
    fails: ['L4 rejects a second listen with ALREADY_LISTENING while the first is pending'],
    transport: class extends MemoryTransport {
      #listening: Promise<string> | undefined;
      override listen(options?: Listen): Promise<string> {
        return (this.#listening ??= super.listen(options));
      }
    },
  },
  {
    mistake: 'resolves listen for an address in use',
    fails: ['L5 gives an address to exactly one of many concurrent listeners'],
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
    mistake: 'steals an address in use',
    fails: [
      'L5 rejects listen with ADDRESS_IN_USE for an address in use',
      'L5 leaves the holder of an address in use its name and its connections',
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
    mistake: 'leaves a file when its address is in use',
    fails: ['L5 leaves nothing behind when the address is in use'],
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
    hangs: ['L6 rejects a pending listen with ABORTED and the reason of the abort as cause'],
    transport: class extends MemoryTransport {
      override async listen(options: Listen = {}): Promise<string> {
        await Promise.resolve();
        if (options.signal?.aborted === true) await new Promise(() => undefined);
        return super.listen(options);
      }
    },
  },
  {
    mistake: 'listens only once',
    fails: ['L6 listens again after an aborted listen', 'X5 listens again after stopListening'],
    transport: class extends MemoryTransport {
      #listened = false;
      override async listen(options?: Listen): Promise<string> {
        if (this.#listened) throw new TransportError('ALREADY_LISTENING', 'the transport has listened before');
        this.#listened = true;
        return super.listen(options);
      }
    },
  },
  {
    mistake: 'obeys the signal after listen has resolved',
    fails: [
      'L6 ignores the signal once listen has resolved',
      'L6 leaves a listener or nothing when listen is aborted at any moment',
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
      'L7 closes only its own connection when a handler rejects',
      'L7 closes only its own connection when a handler throws undefined',
      'L7 closes only its own connection when a handler rejects with a promise of another realm',
      'L7 closes only its own connection when a handler rejects later',
      'L7 keeps listening when a handler rejects after its connection has closed',
    ],
    transport: withHandler((handler, transport) => async (connection, info) => {
      try {
        await handler(connection, info);
      } catch (error) {
        await transport.stopListening();
        throw error;
      }
    }),
  },
  {
    mistake: 'keeps a connection open when its handler fails',
    hangs: ['L7 closes only its own connection when a handler throws'],
    transport: withHandler((handler) => async (connection, info) => {
      await Promise.resolve()
        .then(() => handler(connection, info))
        .catch(() => undefined);
    }),
  },
  {
    mistake: 'treats every return value of a handler as a promise',
    fails: ['L7 accepts a handler that returns something other than a promise'],
    transport: withHandler((handler) => async (connection, info) => {
      await (handler(connection, info) as Promise<void> | undefined)?.finally(() => undefined);
    }),
  },
  {
    mistake: 'is reachable only within its process',
    fails: ['L2 connects another process to the endpoint'],
    transport: MemoryTransport,
    isSlow: true,
  },
  {
    mistake: 'steals the address of a holder that does not answer',
    fails: ['L5 rejects listen with ADDRESS_IN_USE when the holder is too busy to answer'],
    transport: MemoryTransport,
  },
];
