import { setTimeout as sleep } from 'node:timers/promises';
import { TransportError } from '@rpcplugin/transport-core';
import type { ConnectOptions } from '@rpcplugin/transport-core';
import { MemoryTransport } from '../../src/index.js';
import type { MemoryConnection } from '../../src/index.js';
import { LATE_MS, STUCK, withConnection } from './mutant.js';
import type { Listen, Mutant } from './mutant.js';

/** A transport that connects with other options. */
function withConnectOptions(change: (options: ConnectOptions) => ConnectOptions): Mutant['transport'] {
  return class extends MemoryTransport {
    override connect(endpoint: string, options: ConnectOptions = {}): Promise<MemoryConnection> {
      return super.connect(endpoint, change(options));
    }
  };
}

class Impatient extends MemoryTransport {
  override connect(endpoint: string, options?: ConnectOptions): Promise<MemoryConnection> {
    if (endpoint === STUCK) return Promise.reject(new TransportError('RESOURCE_EXHAUSTED', 'its backlog is full'));
    return super.connect(endpoint, options);
  }
}

export const connectMutants: readonly Mutant[] = [
  {
    mistake: 'spoils what is written',
    fails: [
      'C1 bytes flow both ways',
      'C1 all that was held up arrives in the end, in order (the near end writes)',
      'C1 all that was held up arrives in the end, in order (the far end writes)',
    ],
    transport: withConnection((connection) => {
      const write = connection._write.bind(connection);
      connection._write = (chunk: Buffer, ...rest) => {
        write(Buffer.alloc(chunk.length), ...rest);
      };
    }),
  },
  {
    mistake: 'takes allowHalfOpen for its opposite',
    fails: [
      'C1 without allowHalfOpen a connection ends when its peer does (the near end does)',
      'C1 without allowHalfOpen a connection ends when its peer does (the far end does)',
      'C1 with allowHalfOpen a connection stays writable when its peer has ended (the near end does)',
      'C1 with allowHalfOpen a connection stays writable when its peer has ended (the far end does)',
    ],
    transport: class extends MemoryTransport {
      override listen({ allowHalfOpen = false, ...options }: Listen = {}): Promise<string> {
        return super.listen({ ...options, allowHalfOpen: !allowHalfOpen });
      }
      override connect(
        endpoint: string,
        { allowHalfOpen = false, ...options }: ConnectOptions = {},
      ): Promise<MemoryConnection> {
        return super.connect(endpoint, { ...options, allowHalfOpen: !allowHalfOpen });
      }
    },
  },
  {
    mistake: 'has no backpressure',
    fails: [
      'C1 a reader that is slow holds up the writer (the near end writes)',
      'C1 a reader that is slow holds up the writer (the far end writes)',
      'C1 a writer that is held up learns that its peer has gone (the near end writes)',
      'C1 a writer that is held up learns that its peer has gone (the far end writes)',
    ],
    transport: withConnection((connection) => {
      const write = connection._write.bind(connection);
      connection._write = (chunk: Buffer, encoding, callback) => {
        write(chunk, encoding, () => undefined);
        callback();
      };
    }),
  },
  {
    mistake: 'takes whatever is written at once',
    fails: [
      'C1 a reader that is slow holds up the writer (the near end writes)',
      'C1 a reader that is slow holds up the writer (the far end writes)',
    ],
    transport: withConnection((connection) => {
      const write = connection._write.bind(connection);
      let written = Promise.resolve();
      connection._write = (chunk: Buffer, encoding, callback) => {
        written = written.then(
          () =>
            new Promise((resolve) => {
              write(chunk, encoding, () => {
                resolve();
              });
            }),
        );
        callback();
      };
    }),
  },
  {
    mistake: 'takes any text for an endpoint',
    fails: [
      'C2 a malformed endpoint rejects INVALID_ENDPOINT before any I/O',
      'C2 an endpoint of another network rejects INVALID_ENDPOINT before any I/O',
    ],
    transport: class extends MemoryTransport {
      override connect(endpoint: string, options?: ConnectOptions): Promise<MemoryConnection> {
        return super.connect(/^memory:./.test(endpoint) ? endpoint : 'memory:anything', options);
      }
    },
  },
  {
    mistake: 'does not wait',
    fails: ['C3 where nobody listens connect rejects after waitMs'],
    transport: withConnectOptions((options) => ({ ...options, waitMs: 0 })),
  },
  {
    mistake: 'waits longer than it was told',
    fails: ['C3 where nobody listens connect rejects after waitMs'],
    finds: /it gave up only after/,
    transport: withConnectOptions((options) => ({ ...options, waitMs: LATE_MS })),
    timeoutMs: 10_000,
  },
  {
    mistake: 'has a time limit of its own',
    fails: ['C4 an endpoint that does not appear rejects TIMEOUT after timeoutMs, and leaves nothing'],
    finds: /it gave up only after/,
    transport: withConnectOptions((options) => ({ ...options, timeoutMs: LATE_MS })),
    timeoutMs: 10_000,
  },
  {
    mistake: 'gives up after half of its time',
    fails: ['C4 an endpoint that does not appear rejects TIMEOUT after timeoutMs, and leaves nothing'],
    transport: withConnectOptions(({ timeoutMs = 5000, ...options }) => ({ ...options, timeoutMs: timeoutMs / 2 })),
  },
  {
    mistake: 'ignores timeoutMs',
    fails: ['C4 an endpoint that does not appear rejects TIMEOUT after timeoutMs, and leaves nothing'],
    transport: withConnectOptions((options) => ({ ...options, timeoutMs: Infinity })),
  },
  {
    mistake: 'heeds the time limit of connect for good',
    fails: ['C4 a time limit that was not reached does nothing'],
    transport: class extends MemoryTransport {
      override async connect(endpoint: string, options: ConnectOptions = {}): Promise<MemoryConnection> {
        const connection = await super.connect(endpoint, options);
        if (options.timeoutMs !== undefined) setTimeout(() => connection.destroy(), options.timeoutMs);
        return connection;
      }
    },
  },
  {
    mistake: 'heeds the signal of connect for good',
    fails: ['C5 once it has settled the signal does nothing'],
    transport: class extends MemoryTransport {
      override async connect(endpoint: string, options: ConnectOptions = {}): Promise<MemoryConnection> {
        const connection = await super.connect(endpoint, options);
        options.signal?.addEventListener('abort', () => connection.destroy());
        return connection;
      }
    },
  },
  {
    mistake: 'heeds the signal of a connect that failed',
    fails: ['C5 once it has settled the signal does nothing'],
    transport: class extends MemoryTransport {
      override connect(endpoint: string, options: ConnectOptions = {}): Promise<MemoryConnection> {
        return super.connect(endpoint, options).catch((error: unknown) => {
          options.signal?.addEventListener('abort', () => undefined);
          throw error;
        });
      }
    },
  },
  {
    mistake: 'ignores the signal of connect',
    fails: ['C5 a signal aborted beforehand rejects ABORTED with its reason as the cause, and reaches nobody'],
    transport: withConnectOptions((options) => ({ ...options, signal: undefined })),
  },
  {
    mistake: 'turns away more than a hundred at once',
    fails: ['C6 a burst of 600 connects all succeed'],
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
    fails: ['C7 an endpoint that appears is reached at once'],
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
    mistake: 'takes a listener that does not answer for a failure',
    fails: [
      'C4 a listener that does not answer rejects TIMEOUT after timeoutMs, and leaves nothing',
      'C5 an abort while it waits for a listener that does not answer rejects ABORTED with the reason as the cause, and leaves nothing',
      'X4 a connect to a listener that does not answer rejects CLOSED, and leaves nothing',
    ],
    transport: Impatient,
  },
];
