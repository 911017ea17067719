import { setTimeout as sleep } from 'node:timers/promises';
import { TransportError } from '@rpcplugin/transport-core';
import type { ConnectOptions } from '@rpcplugin/transport-core';
import { MemoryTransport } from '../../src/index.js';
import type { MemoryConnection } from '../../src/index.js';
import { LATE_MS, STUCK, withConnection, withWrites } from './mutant.js';
import type { Listen, Mutant } from './mutant.js';
import { ticketTransport } from './ticket-transport.js';

/** A transport that changes the options of connect. */
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
    mistake: 'does not know pauseOnConnect',
    fails: [
      'L3 keeps a connection paused until the handler resumes it (pauseOnConnect: true)',
      'C1 keeps a connection paused until the dialer resumes it (pauseOnConnect: true)',
    ],
    finds: /data flowed before the connection was resumed/,
    transport: class extends MemoryTransport {
      override listen(options?: Listen): Promise<string> {
        return super.listen({ ...options, pauseOnConnect: undefined });
      }
      override connect(endpoint: string, options?: ConnectOptions): Promise<MemoryConnection> {
        return super.connect(endpoint, { ...options, pauseOnConnect: undefined });
      }
    },
  },
  {
    mistake: 'corrupts data',
    fails: [
      'C1 carries data both ways',
      'C1 carries HTTP/2 while both ends send as much as they can',
      'C1 delivers all held-back data in order once the peer reads (the near end writes)',
      'C1 delivers all held-back data in order once the peer reads (the far end writes)',
    ],
    transport: withConnection((connection) => {
      const write = connection._write.bind(connection);
      connection._write = (chunk: Buffer, ...rest) => {
        write(Buffer.alloc(chunk.length), ...rest);
      };
    }),
  },
  {
    mistake: 'inverts allowHalfOpen',
    fails: [
      'C1 keeps a connection writable after its peer ends, with allowHalfOpen (the near end ends first)',
      'C1 keeps a connection writable after its peer ends, with allowHalfOpen (the far end ends first)',
    ],
    hangs: [
      'C1 ends a connection when its peer ends, without allowHalfOpen (the near end ends first)',
      'C1 ends a connection when its peer ends, without allowHalfOpen (the far end ends first)',
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
    mistake: 'delivers data within the write',
    fails: [
      'C1 delivers data after the write has returned, not within it (the near end writes)',
      'C1 delivers data after the write has returned, not within it (the far end writes)',
    ],
    finds: /within the write/,
    transport: withWrites((chunk, peer, callback) => {
      peer.push(chunk);
      callback();
    }),
  },
  {
    mistake: 'completes a write only when the peer reads',
    fails: ['C1 completes small writes at both ends while neither reads'],
    finds: /waits for the peer to read/,
    isSlow: true,
    transport: withWrites((chunk, peer, callback) => {
      setImmediate(() => peer.push(chunk));
      const wait = (): void => {
        if (peer.readableDidRead || peer.destroyed) callback();
        else setImmediate(wait);
      };
      wait();
    }),
  },
  {
    mistake: 'has no backpressure',
    fails: [
      'C1 holds back the writer while the peer does not read (the near end writes)',
      'C1 holds back the writer while the peer does not read (the far end writes)',
    ],
    hangs: [
      'C1 closes a blocked writer when its peer is destroyed (the near end writes)',
      'C1 closes a blocked writer when its peer is destroyed (the far end writes)',
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
    mistake: 'buffers writes without limit',
    fails: [
      'C1 holds back the writer while the peer does not read (the near end writes)',
      'C1 holds back the writer while the peer does not read (the far end writes)',
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
    mistake: 'lets the dialer write before the listener can read',
    fails: ['C1 delivers what both ends write at once, even to a slow process'],
    finds: /the slow process got ".*Error: /,
    transport: ticketTransport('listener'),
    isSlow: true,
  },
  {
    mistake: 'names a file to the listener before the file exists',
    fails: ['C1 delivers what both ends write at once, even to a slow process'],
    finds: /the listener found no ticket/,
    transport: ticketTransport('dialer'),
    isSlow: true,
  },
  {
    mistake: 'accepts any string as an endpoint',
    fails: [
      'C2 rejects a malformed endpoint with INVALID_ENDPOINT before any I/O',
      'C2 rejects an endpoint of another network with INVALID_ENDPOINT before any I/O',
    ],
    transport: class extends MemoryTransport {
      override connect(endpoint: string, options?: ConnectOptions): Promise<MemoryConnection> {
        return super.connect(/^memory:./.test(endpoint) ? endpoint : 'memory:anything', options);
      }
    },
  },
  {
    mistake: 'ignores waitMs',
    fails: ['C3 rejects after waitMs when nothing listens'],
    transport: withConnectOptions((options) => ({ ...options, waitMs: 0 })),
  },
  {
    mistake: 'waits longer than waitMs',
    fails: ['C3 rejects after waitMs when nothing listens'],
    finds: /connect took longer/,
    transport: withConnectOptions((options) => ({ ...options, waitMs: LATE_MS })),
    isSlow: true,
  },
  {
    mistake: 'uses its own timeoutMs',
    fails: ['C4 rejects with TIMEOUT after timeoutMs and leaves nothing behind (the endpoint does not appear)'],
    finds: /connect took longer/,
    transport: withConnectOptions((options) => ({ ...options, timeoutMs: LATE_MS })),
    isSlow: true,
  },
  {
    mistake: 'gives up long before timeoutMs',
    fails: ['C4 rejects with TIMEOUT after timeoutMs and leaves nothing behind (the endpoint does not appear)'],
    transport: withConnectOptions(({ timeoutMs = 5000, ...options }) => ({ ...options, timeoutMs: timeoutMs / 50 })),
  },
  {
    mistake: 'ignores timeoutMs',
    hangs: ['C4 rejects with TIMEOUT after timeoutMs and leaves nothing behind (the endpoint does not appear)'],
    transport: withConnectOptions((options) => ({ ...options, timeoutMs: Infinity })),
  },
  {
    mistake: 'destroys a connection after timeoutMs',
    fails: ['C4 keeps the connection open after timeoutMs'],
    transport: class extends MemoryTransport {
      override async connect(endpoint: string, options: ConnectOptions = {}): Promise<MemoryConnection> {
        const connection = await super.connect(endpoint, options);
        if (options.timeoutMs !== undefined) setTimeout(() => connection.destroy(), options.timeoutMs);
        return connection;
      }
    },
  },
  {
    mistake: 'obeys the signal after connect has resolved',
    fails: ['C5 ignores the signal once connect has settled'],
    transport: class extends MemoryTransport {
      override async connect(endpoint: string, options: ConnectOptions = {}): Promise<MemoryConnection> {
        const connection = await super.connect(endpoint, options);
        options.signal?.addEventListener('abort', () => connection.destroy());
        return connection;
      }
    },
  },
  {
    mistake: 'keeps its abort listener after connect has failed',
    fails: ['C5 ignores the signal once connect has settled'],
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
    fails: ['C5 rejects with ABORTED for an aborted signal and never contacts the listener'],
    transport: withConnectOptions((options) => ({ ...options, signal: undefined })),
  },
  {
    mistake: 'rejects connects once a hundred are pending',
    fails: ['C6 completes a burst of 600 connects'],
    transport: class extends MemoryTransport {
      #connecting = 0;
      override async connect(endpoint: string, options?: ConnectOptions): Promise<MemoryConnection> {
        if (this.#connecting > 100) throw new TransportError('RESOURCE_EXHAUSTED', 'too many concurrent connects');
        this.#connecting++;
        return super.connect(endpoint, options).finally(() => this.#connecting--);
      }
    },
  },
  {
    mistake: 'rarely retries a missing endpoint',
    fails: ['C7 connects to an endpoint as soon as it appears'],
    transport: class extends MemoryTransport {
      override async connect(endpoint: string, options: ConnectOptions = {}): Promise<MemoryConnection> {
        for (;;) {
          try {
            return await super.connect(endpoint, { ...options, waitMs: 0 });
          } catch (error) {
            if (options.waitMs === 0) throw error;
            await sleep(1500);
          }
        }
      }
    },
    isSlow: true,
  },
  {
    mistake: 'gives up at once on a listener that does not answer',
    fails: [
      'C4 rejects with TIMEOUT after timeoutMs and leaves nothing behind (the listener does not answer)',
      'C5 rejects an aborted connect with the reason as cause and leaves nothing behind (the listener does not answer)',
      'X4 rejects a connect to a listener that does not answer with CLOSED and leaves nothing behind',
    ],
    transport: Impatient,
  },
];
