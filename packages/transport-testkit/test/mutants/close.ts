import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { TransportError } from '@rpcplugin/transport-core';
import type { CloseOptions, ConnectOptions } from '@rpcplugin/transport-core';
import { MemoryTransport } from '../../src/index.js';
import type { MemoryConnection } from '../../src/index.js';
import { files, LATE_MS, withConnection } from './mutant.js';
import type { Listen, Mutant } from './mutant.js';

/**
 * A transport that changes its connections when it closes. If `change` returns a promise, close does not wait longer
 * than for that promise. Default of graceMs: 0.
 */
function withClose(
  change: (connections: readonly MemoryConnection[]) => Promise<unknown> | undefined,
): Mutant['transport'] {
  const all = new Map<MemoryTransport, MemoryConnection[]>();
  const Connecting = withConnection((connection, transport) => {
    all.set(transport, [...(all.get(transport) ?? []), connection]);
  });
  return class extends Connecting {
    override async close(options?: CloseOptions): Promise<void> {
      const changed = change(all.get(this) ?? []);
      const closing = super.close({ graceMs: 0, ...options });
      await Promise.race([closing, changed ?? closing]);
    }
  };
}

/** A transport that computes its grace period from the one of this close and the one so far. */
function withGrace(next: (askedMs: number | undefined, currentMs: number) => number): Mutant['transport'] {
  return class extends MemoryTransport {
    #graceMs = Infinity;
    #timer: NodeJS.Timeout | undefined;
    override close({ graceMs }: CloseOptions = {}): Promise<void> {
      this.#graceMs = next(graceMs, this.#graceMs);
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => void super.close({ graceMs: 0 }), this.#graceMs);
      return super.close({ graceMs: Infinity });
    }
  };
}

class LeavesFile extends MemoryTransport {
  override listen(options?: Listen): Promise<string> {
    files.push('s');
    return super.listen(options);
  }
}

export const closeMutants: readonly Mutant[] = [
  {
    mistake: 'rejects a second close',
    fails: [
      'X1 allows a second close and a close of an unused transport',
      'X1 lets a later close shorten a graceMs of 60000',
      'X1 lets a later close shorten a graceMs of Infinity',
      'X2 releases the address while connections are still open',
      'X2 leaves the next listener at its address alone',
    ],
    transport: class extends MemoryTransport {
      #closed = false;
      override close(options?: CloseOptions): Promise<void> {
        if (this.#closed) return Promise.reject(new TransportError('CLOSED', 'the transport is closed'));
        this.#closed = true;
        return super.close(options);
      }
    },
  },
  {
    mistake: 'rejects close inside a handler',
    fails: ['X1 allows close inside a handler'],
    transport: class extends MemoryTransport {
      #isHandling = false;
      override listen({ onConnection, ...options }: Listen = {}): Promise<string> {
        return super.listen({
          ...options,
          onConnection: (connection, info) => {
            this.#isHandling = true;
            const handled = onConnection?.(connection, info);
            this.#isHandling = false;
            return handled;
          },
        });
      }
      override close(options?: CloseOptions): Promise<void> {
        return this.#isHandling
          ? Promise.reject(new TransportError('IO', 'the transport is busy'))
          : super.close(options);
      }
    },
  },
  {
    mistake: 'resolves close before its connections end',
    fails: [
      'X1 keeps all concurrent callers waiting until the last connection ends',
      'X2 resolves close only after all connections have ended',
      'X2 destroys a connection after graceMs, not earlier, when its peer does not end it',
      'X2 destroys a connection after graceMs when its peer does not read',
      'X2 destroys connections at once with graceMs 0',
    ],
    transport: class extends MemoryTransport {
      override async close(options?: CloseOptions): Promise<void> {
        void super.close(options);
        await this.stopListening();
      }
    },
  },
  {
    mistake: 'lets a later close with a longer graceMs lengthen the grace period',
    hangs: ['X1 does not let a later close lengthen the grace period'],
    transport: withGrace((askedMs, currentMs) => askedMs ?? currentMs),
  },
  {
    mistake: 'lets a later close without graceMs lengthen the grace period',
    hangs: ['X1 does not let a later close lengthen the grace period'],
    transport: withGrace((askedMs, currentMs) => (askedMs === undefined ? 5000 : Math.min(askedMs, currentMs))),
  },
  {
    mistake: 'does not let a later close shorten a long grace period',
    hangs: ['X1 lets a later close shorten a graceMs of 60000', 'X1 lets a later close shorten a graceMs of Infinity'],
    transport: class extends MemoryTransport {
      #isLong = false;
      override close({ graceMs = 5000 }: CloseOptions = {}): Promise<void> {
        this.#isLong ||= graceMs > 5000;
        return super.close({ graceMs: this.#isLong ? Infinity : graceMs });
      }
    },
  },
  {
    mistake: 'uses its own graceMs',
    fails: [
      'X1 lets a later close shorten a graceMs of 60000',
      'X1 does not let a later close lengthen the grace period',
      'X2 destroys a connection after graceMs, not earlier, when its peer does not end it',
      'X2 destroys a connection after graceMs when its peer does not read',
      'X2 destroys connections at once with graceMs 0',
    ],
    finds: /close took longer/,
    transport: class extends MemoryTransport {
      override close(): Promise<void> {
        return super.close({ graceMs: LATE_MS });
      }
    },
    isSlow: true,
  },
  {
    mistake: 'resolves close before its first connection ends',
    fails: ['X2 resolves close only after all connections have ended'],
    transport: withClose(([first, ...others]) => {
      if (first !== undefined) first.end = () => first;
      return Promise.all(others.map((connection) => once(connection, 'close')));
    }),
  },
  {
    mistake: 'never ends connections on close',
    hangs: [
      'X2 resolves close only after all connections have ended',
      'X5 keeps connections on stopListening and ends them on close',
    ],
    transport: withClose((connections) => {
      for (const connection of connections) connection.end = () => connection;
      return undefined;
    }),
  },
  {
    mistake: 'drops pending writes on close',
    fails: ['X2 delivers data written before close while the handler echoes and the peer keeps sending'],
    transport: withClose((connections) => {
      for (const connection of connections) {
        connection._write = (_chunk, _encoding, callback) => {
          callback();
        };
      }
      return undefined;
    }),
  },
  {
    mistake: 'destroys connections with unread input on close',
    fails: [
      'X2 delivers data written before close despite unread input (the near end closes)',
      'X2 delivers data written before close despite unread input (the far end closes)',
      'X2 delivers data written before close while the handler echoes and the peer keeps sending',
    ],
    transport: withClose((connections) => {
      for (const connection of connections.filter(({ readableLength }) => readableLength > 0)) connection.destroy();
      return undefined;
    }),
  },
  {
    mistake: 'does not discard unread input on close',
    hangs: ['X2 discards unread input despite a listener for readable'],
    transport: withClose((connections) => {
      for (const connection of connections) connection.read = () => null;
      return undefined;
    }),
  },
  {
    mistake: 'destroys connections at once on close',
    fails: [
      'X2 delivers data written before close to a peer that reads slowly (the near end closes)',
      'X2 delivers data written before close to a peer that reads slowly (the far end closes)',
      'X2 destroys a connection after graceMs, not earlier, when its peer does not end it',
      'X1 rejects an invalid graceMs with INVALID_ARGUMENT and closes nothing',
    ],
    transport: class extends MemoryTransport {
      override close(): Promise<void> {
        return super.close({ graceMs: 0 });
      }
    },
  },
  {
    mistake: 'leaves a listener on process',
    hangs: ['X3 leaves nothing behind after a listener and a dialer close'],
    transport: class extends MemoryTransport {
      override listen(options?: Listen): Promise<string> {
        const onExit = (): void => undefined;
        process.on('exit', onExit);
        // Removed later, for the sake of the tests that follow.
        setTimeout(() => process.off('exit', onExit), 5000).unref();
        return super.listen(options);
      }
    },
  },
  {
    mistake: 'leaves timers after a failed connect',
    hangs: ['X3 leaves nothing behind after a failed connect'],
    transport: class extends MemoryTransport {
      override connect(endpoint: string, { waitMs = 0, ...options }: ConnectOptions = {}): Promise<MemoryConnection> {
        return super.connect(endpoint, { waitMs, ...options }).catch((error: unknown) => {
          if (waitMs > 0 && TransportError.isInstance(error) && error.code === 'NOT_FOUND') {
            for (let i = 0; i < 5; i++) setTimeout(() => undefined, 5000);
          }
          throw error;
        });
      }
    },
  },
  {
    mistake: 'leaves a file',
    fails: [
      'X3 leaves nothing behind after a listener and a dialer close',
      'X3 leaves nothing behind after it destroys connections',
      'L6 rejects listen with ABORTED for an aborted signal and binds nothing',
      'L6 leaves a listener or nothing when listen is aborted at any moment',
      'L6 leaves nothing behind when closed at any moment of a listen',
      'X4 rejects a pending listen with CLOSED and leaves nothing behind',
      'X5 rejects a pending listen with CLOSED on stopListening and leaves nothing behind',
    ],
    transport: LeavesFile,
  },
  {
    mistake: 'lets a pending connect continue after close',
    fails: [
      'X4 rejects a connect with CLOSED or destroys its connection when closed at any moment',
      'X4 rejects listen and connect with CLOSED during close',
    ],
    hangs: ['X4 rejects a connect that waits for its endpoint with CLOSED and leaves nothing behind'],
    transport: class extends MemoryTransport {
      override connect(endpoint: string, options?: ConnectOptions): Promise<MemoryConnection> {
        return new MemoryTransport().connect(endpoint, options);
      }
    },
  },
  {
    mistake: 'still connects while close is pending',
    fails: ['X4 rejects listen and connect with CLOSED during close'],
    transport: class extends MemoryTransport {
      #isOver = false;
      override async close(options?: CloseOptions): Promise<void> {
        await super.close(options);
        this.#isOver = true;
      }
      override connect(endpoint: string, options?: ConnectOptions): Promise<MemoryConnection> {
        return this.#isOver ? super.connect(endpoint, options) : new MemoryTransport().connect(endpoint, options);
      }
    },
  },
  {
    mistake: 'listens again after close',
    fails: ['X4 rejects listen and connect with CLOSED after close'],
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
    mistake: 'never releases its address',
    fails: [
      'X5 closes at the end of an `await using` block, even if the block throws',
      'X5 allows stopListening repeatedly, concurrently, without a listener and after close',
      'X5 releases the address on stopListening and leaves the next listener alone',
    ],
    transport: class extends MemoryTransport {
      override stopListening(): Promise<void> {
        return Promise.resolve();
      }
    },
  },
  {
    mistake: 'rejects concurrent calls of stopListening',
    fails: ['X5 allows stopListening repeatedly, concurrently, without a listener and after close'],
    transport: class extends MemoryTransport {
      #isStopping = false;
      override async stopListening(): Promise<void> {
        if (this.#isStopping) throw new TransportError('IO', 'the transport already stops');
        this.#isStopping = true;
        await super.stopListening();
        this.#isStopping = false;
      }
    },
  },
  {
    mistake: 'ends connections on stopListening',
    fails: ['X5 keeps connections on stopListening and ends them on close'],
    transport: class extends MemoryTransport {
      readonly #accepted: MemoryConnection[] = [];
      override listen({ onConnection, ...options }: Listen = {}): Promise<string> {
        return super.listen({
          ...options,
          onConnection: (connection, info) => {
            this.#accepted.push(connection);
            return onConnection?.(connection, info);
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
    mistake: 'leaves a file descriptor open',
    hangs: ['X3 leaves nothing behind after a failed connect'],
    transport: class extends MemoryTransport {
      override connect(endpoint: string, options?: ConnectOptions): Promise<MemoryConnection> {
        const descriptor = openSync(process.execPath, 'r');
        // Removed later, for the sake of the tests that follow.
        setTimeout(() => {
          closeSync(descriptor);
        }, 5000).unref();
        return super.connect(endpoint, options);
      }
    },
  },
  {
    mistake: 'leaves a file in another process',
    fails: ['X3 leaves nothing behind in a process, which exits by itself'],
    transport: LeavesFile,
    isSlow: true,
  },
];
