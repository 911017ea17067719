import { setTimeout as sleep } from 'node:timers/promises';
import { TransportError } from '@rpcplugin/transport-core';
import type { CloseOptions, ConnectOptions, ListenOptions } from '@rpcplugin/transport-core';
import { MemoryTransport } from '../src/index.js';
import type { MemoryConnection, MemoryTransportOptions, TransportSubject } from '../src/index.js';
import { memory } from './subjects.js';

/** A transport with one mistake, and the case that is there to find it. */
export interface Mutant {
  readonly mistake: string;
  readonly fails: string;
  readonly transport: new (options?: MemoryTransportOptions) => MemoryTransport;
  /** How long the case may take to find it, in milliseconds, if a process has to start. Default: 1500. */
  readonly timeoutMs?: number;
}

/** Where somebody listens who neither lets anybody in nor turns anybody away. */
const STUCK = 'memory:stuck';

/** What is put through the contract; another process finds it by the query of its URL. */
export function subjectOf(mistake: string, Transport: Mutant['transport']): TransportSubject<MemoryConnection> {
  return {
    create: () => new Transport(),
    capabilities: {
      ...memory.capabilities,
      leftovers: () => files,
      cleanUp: () => {
        files.length = 0;
      },
      stuck: () => STUCK,
      createAt: (endpoint) => new Transport({ name: endpoint.replace('memory:', '') }),
      module: {
        url: new URL(`mutant-elsewhere.ts?${encodeURIComponent(mistake)}`, import.meta.url),
        execArgv: ['--conditions=@rpcplugin/source', '--import', 'tsx'],
      },
    },
  };
}

type Listen = ListenOptions<MemoryConnection>;
type Handler = NonNullable<Listen['onConnection']>;

/** A transport whose handlers of connections are called in another way. */
function withHandler(change: (handler: Handler, transport: MemoryTransport) => Handler): Mutant['transport'] {
  return class extends MemoryTransport {
    override listen({ onConnection, ...options }: Listen = {}): Promise<string> {
      return super.listen({ ...options, ...(onConnection && { onConnection: change(onConnection, this) }) });
    }
  };
}

/** A transport that connects with other options. */
function withConnectOptions(change: (options: ConnectOptions) => ConnectOptions): Mutant['transport'] {
  return class extends MemoryTransport {
    override connect(endpoint: string, options: ConnectOptions = {}): Promise<MemoryConnection> {
      return super.connect(endpoint, change(options));
    }
  };
}

/** A transport that does something with each connection that it makes. */
function withConnection(change: (connection: MemoryConnection) => void): Mutant['transport'] {
  return class extends MemoryTransport {
    override async connect(endpoint: string, options?: ConnectOptions): Promise<MemoryConnection> {
      const connection = await super.connect(endpoint, options);
      change(connection);
      return connection;
    }
  };
}

let lastLate = 0;
/** That of the first who listened. */
let firstEndpoint: string | undefined;
/** What is left by who leaves files. */
export const files: string[] = [];
const holders = new Map<string, MemoryTransport>();

class LeavesFile extends MemoryTransport {
  override listen(options?: Listen): Promise<string> {
    files.push('s');
    return super.listen(options);
  }
}

const Unguarded = withConnection((connection) => {
  connection.removeAllListeners('error');
});

class Impatient extends MemoryTransport {
  override connect(endpoint: string, options?: ConnectOptions): Promise<MemoryConnection> {
    if (endpoint === STUCK) return Promise.reject(new TransportError('RESOURCE_EXHAUSTED', 'its backlog is full'));
    return super.connect(endpoint, options);
  }
}

export const mutants: readonly Mutant[] = [
  {
    mistake: 'resolves before it listens',
    fails: 'L1 the address accepts connections at once',
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
    fails: 'L1 the endpoint that listen resolves with is also that of the transport',
    transport: class extends MemoryTransport {
      override get endpoint(): undefined {
        return undefined;
      }
    },
  },
  {
    mistake: 'knows one endpoint for all',
    fails: 'L2 each of several listeners is reached by its own endpoint',
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
    fails: 'L3 nothing of what came early is lost to a handler that listens late',
    transport: withHandler((handler) => (connection) => {
      connection.resume();
      setImmediate(() => {
        connection.pause();
        void handler(connection);
      });
    }),
  },
  {
    mistake: 'hands a connection over twice',
    fails: 'L3 each connection reaches the handler exactly once',
    transport: withHandler((handler) => (connection) => {
      void handler(connection);
      return handler(connection);
    }),
  },
  {
    mistake: 'does not read without a handler',
    fails: 'L3 without a handler input is discarded (allowHalfOpen: false)',
    transport: class extends MemoryTransport {
      override listen(options: Listen = {}): Promise<string> {
        return super.listen({ onConnection: () => undefined, ...options });
      }
    },
  },
  {
    mistake: 'lets a second listen replace the first',
    fails: 'L4 a second listen rejects ALREADY_LISTENING',
    transport: class extends MemoryTransport {
      override async listen(options?: Listen): Promise<string> {
        await this.stopListening();
        return super.listen(options);
      }
    },
  },
  {
    mistake: 'takes an address from its holder',
    fails: 'L5 an address in use rejects ADDRESS_IN_USE',
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
    mistake: 'hangs when listen is aborted',
    fails: 'L6 an abort while it is pending rejects ABORTED with its reason as the cause',
    transport: class extends MemoryTransport {
      override async listen(options: Listen = {}): Promise<string> {
        await Promise.resolve();
        if (options.signal?.aborted === true) await new Promise(() => undefined);
        return super.listen(options);
      }
    },
  },
  {
    mistake: 'heeds the signal of listen for good',
    fails: 'L6 once it has resolved the signal does nothing',
    transport: class extends MemoryTransport {
      override async listen(options: Listen = {}): Promise<string> {
        options.signal?.addEventListener('abort', () => void this.stopListening());
        return super.listen(options);
      }
    },
  },
  {
    mistake: 'stops listening when a handler fails',
    fails: 'L7 a handler that rejects costs its own connection, and no other',
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
    fails: 'L7 a handler that throws costs its own connection, and no other',
    transport: withHandler((handler) => async (connection) => {
      await Promise.resolve()
        .then(() => handler(connection))
        .catch(() => undefined);
    }),
  },
  {
    mistake: 'ignores allowHalfOpen',
    fails: 'C1 without allowHalfOpen a connection ends when its peer does (the far end does)',
    transport: withConnectOptions((options) => ({ ...options, allowHalfOpen: true })),
  },
  {
    mistake: 'has no backpressure',
    fails: 'C1 a reader that is slow holds up the writer (the near end writes)',
    transport: withConnection((connection) => {
      const write = connection._write.bind(connection);
      connection._write = (chunk: Buffer, encoding, callback) => {
        write(chunk, encoding, () => undefined);
        callback();
      };
    }),
  },
  {
    mistake: 'takes any text for an endpoint',
    fails: 'C2 a malformed endpoint rejects INVALID_ENDPOINT before any I/O',
    transport: class extends MemoryTransport {
      override connect(endpoint: string, options?: ConnectOptions): Promise<MemoryConnection> {
        return super.connect(/^memory:./.test(endpoint) ? endpoint : 'memory:anything', options);
      }
    },
  },
  {
    mistake: 'does not wait',
    fails: 'C3 where nobody listens connect rejects after waitMs',
    transport: withConnectOptions((options) => ({ ...options, waitMs: 0 })),
  },
  {
    mistake: 'ignores timeoutMs',
    fails: 'C4 an endpoint that does not appear rejects TIMEOUT after timeoutMs, and leaves nothing',
    transport: withConnectOptions((options) => ({ ...options, timeoutMs: Infinity })),
  },
  {
    mistake: 'ignores the signal of connect',
    fails: 'C5 a signal aborted beforehand rejects ABORTED with its reason as the cause, and reaches nobody',
    transport: withConnectOptions((options) => ({ ...options, signal: undefined })),
  },
  {
    mistake: 'turns away more than a hundred at once',
    fails: 'C6 a burst of 600 connects all succeed',
    transport: class extends MemoryTransport {
      #connecting = 0;
      override async connect(endpoint: string, options?: ConnectOptions): Promise<MemoryConnection> {
        if (this.#connecting > 100) throw new TransportError('RESOURCE_EXHAUSTED', 'too many at once');
        this.#connecting++;
        return super.connect(endpoint, options).finally(() => this.#connecting--);
      }
    },
  },
  {
    mistake: 'looks for an endpoint only now and then',
    fails: 'C7 an endpoint that appears is reached at once',
    transport: class extends MemoryTransport {
      override async connect(endpoint: string, options: ConnectOptions = {}): Promise<MemoryConnection> {
        for (;;) {
          try {
            return await super.connect(endpoint, { ...options, waitMs: 0 });
          } catch (error) {
            if (options.waitMs === 0) throw error;
            await sleep(600);
          }
        }
      }
    },
  },
  {
    mistake: 'can be closed only once',
    fails: 'X1 close can be called again, and of a transport that was never used',
    transport: class extends MemoryTransport {
      #closed = false;
      override close(options?: CloseOptions): Promise<void> {
        if (this.#closed) return Promise.reject(new TransportError('CLOSED', 'it is closed already'));
        this.#closed = true;
        return super.close(options);
      }
    },
  },
  {
    mistake: 'cuts connections off at once',
    fails: 'X2 what was written before arrives at a peer that reads slowly (the near end is closed)',
    transport: class extends MemoryTransport {
      override close(): Promise<void> {
        return super.close({ graceMs: 0 });
      }
    },
  },
  {
    mistake: 'leaves a listener of the process',
    fails: 'X3 nothing is left of a listener, a dialer and their connections',
    transport: class extends MemoryTransport {
      override listen(options?: Listen): Promise<string> {
        const onExit = (): void => undefined;
        process.on('exit', onExit);
        // Not for good: other tests come after this one.
        setTimeout(() => process.off('exit', onExit), 5000).unref();
        return super.listen(options);
      }
    },
  },
  {
    mistake: 'leaves timers',
    fails: 'X3 nothing is left of a connect that failed',
    transport: class extends MemoryTransport {
      override connect(endpoint: string, options?: ConnectOptions): Promise<MemoryConnection> {
        for (let i = 0; i < 5; i++) setTimeout(() => undefined, 5000);
        return super.connect(endpoint, options);
      }
    },
  },
  {
    mistake: 'leaves a file',
    fails: 'X3 nothing is left of a listener, a dialer and their connections',
    transport: LeavesFile,
  },
  {
    mistake: 'lets a pending connect go on when it is closed',
    fails: 'X4 a connect that waits for its endpoint rejects CLOSED, and leaves nothing',
    transport: class extends MemoryTransport {
      override connect(endpoint: string, options?: ConnectOptions): Promise<MemoryConnection> {
        return new MemoryTransport().connect(endpoint, options);
      }
    },
  },
  {
    mistake: 'can be used again after it was closed',
    fails: 'X4 listen and connect reject CLOSED while a close is over',
    transport: class extends MemoryTransport {
      #next: MemoryTransport | undefined;
      override async close(options?: CloseOptions): Promise<void> {
        await super.close(options);
        await this.#next?.close(options);
        this.#next = new MemoryTransport();
      }
      override listen(options?: Listen): Promise<string> {
        return this.#next?.listen(options) ?? super.listen(options);
      }
    },
  },
  {
    mistake: 'ends connections when it stops listening',
    fails: 'X5 stopListening keeps connections, and close ends them',
    transport: class extends MemoryTransport {
      readonly #accepted: MemoryConnection[] = [];
      override listen({ onConnection, ...options }: Listen = {}): Promise<string> {
        return super.listen({
          ...options,
          onConnection: (connection) => {
            this.#accepted.push(connection);
            return onConnection?.(connection);
          },
        });
      }
      override async stopListening(): Promise<void> {
        await super.stopListening();
        for (const connection of this.#accepted) connection.end();
      }
    },
  },
  {
    mistake: 'rejects with plain errors',
    fails: 'E1 every rejection is a TransportError with a code and says what went wrong',
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
    fails: 'E1 a rejection has a hint where a person can act',
    transport: class extends MemoryTransport {
      override connect(endpoint: string, options?: ConnectOptions): Promise<MemoryConnection> {
        return super.connect(endpoint, options).catch((error: unknown) => {
          if (!TransportError.isInstance(error)) throw error;
          throw new TransportError(error.code, error.message, { endpoint: error.endpoint, cause: error.cause });
        });
      }
    },
  },
  {
    mistake: 'throws instead of rejecting',
    fails: 'E1 a call that rejects has not thrown',
    transport: class extends MemoryTransport {
      override close(options: CloseOptions = {}): Promise<void> {
        if (Number.isNaN(options.graceMs)) throw new TypeError('graceMs is no number');
        return super.close(options);
      }
    },
  },
  {
    mistake: 'lets errors of connections end the process',
    fails: 'E2 somebody listens to the errors of every connection',
    transport: Unguarded,
  },
  {
    mistake: 'is known in its own process only',
    fails: 'L2 the endpoint leads another process there',
    transport: MemoryTransport,
    timeoutMs: 30_000,
  },
  {
    mistake: 'leaves a file in another process',
    fails: 'X3 a process whose transports have closed holds nothing any more and ends by itself',
    transport: LeavesFile,
    timeoutMs: 30_000,
  },
  {
    mistake: 'lets errors of connections end another process',
    fails: 'E2 errors on connections that nobody listens to do not end a process',
    transport: Unguarded,
    timeoutMs: 30_000,
  },
  {
    mistake: 'takes an address whose holder does not answer',
    fails: 'L5 an address whose holder is too busy to answer is in use',
    transport: MemoryTransport,
  },
  ...[
    'C4 a listener that does not answer rejects TIMEOUT after timeoutMs, and leaves nothing',
    'C5 an abort while it waits for a listener that does not answer rejects ABORTED with the reason as the cause, and leaves nothing',
    'X4 a connect to a listener that does not answer rejects CLOSED, and leaves nothing',
  ].map((fails) => ({ mistake: 'takes a listener that does not answer for a failure', fails, transport: Impatient })),
];
