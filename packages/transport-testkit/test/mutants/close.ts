import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { TransportError } from '@rpcplugin/transport-core';
import type { CloseOptions, ConnectOptions } from '@rpcplugin/transport-core';
import { MemoryTransport } from '../../src/index.js';
import type { MemoryConnection } from '../../src/index.js';
import { files, LATE_MS, withConnection } from './mutant.js';
import type { Listen, Mutant } from './mutant.js';

/**
 * A transport that does something with its connections when it closes, and waits no longer than for what that resolves with. By default
 * they have no grace.
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

/** A transport whose grace comes of what a close asks for and the grace so far. */
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
    mistake: 'can be closed only once',
    fails: [
      'X1 close can be called again, and of a transport that was never used',
      'X1 a later caller can shorten a grace of 60000',
      'X1 a later caller can shorten a grace of Infinity',
      'X2 the address is given up, even while connections have still to end',
      'X2 whoever listens there next is left alone',
    ],
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
    mistake: 'cannot be closed from inside a handler',
    fails: ['X1 close can be called from inside the handler'],
    transport: class extends MemoryTransport {
      #isHandling = false;
      override listen({ onConnection, ...options }: Listen = {}): Promise<string> {
        return super.listen({
          ...options,
          onConnection: (connection) => {
            this.#isHandling = true;
            const handled = onConnection?.(connection);
            this.#isHandling = false;
            return handled;
          },
        });
      }
      override close(options?: CloseOptions): Promise<void> {
        return this.#isHandling ? Promise.reject(new TransportError('IO', 'it is busy')) : super.close(options);
      }
    },
  },
  {
    mistake: 'does not wait for its connections to end',
    fails: [
      'X1 concurrent callers all wait until the last connection has ended',
      'X2 all connections have ended when it resolves',
      'X2 a peer that does not end has until graceMs, and is cut off then',
      'X2 a peer that does not read is cut off at graceMs',
      'X2 with graceMs 0 connections are cut off at once',
    ],
    transport: class extends MemoryTransport {
      override async close(options?: CloseOptions): Promise<void> {
        void super.close(options);
        await this.stopListening();
      }
    },
  },
  {
    mistake: 'lets a later close with a longer grace lengthen it',
    fails: ['X1 a later caller can not lengthen the grace'],
    transport: withGrace((askedMs, currentMs) => askedMs ?? currentMs),
  },
  {
    mistake: 'lets a later close without a grace lengthen it',
    fails: ['X1 a later caller can not lengthen the grace'],
    transport: withGrace((askedMs, currentMs) => (askedMs === undefined ? 5000 : Math.min(askedMs, currentMs))),
  },
  {
    mistake: 'lets nobody shorten a long grace',
    fails: ['X1 a later caller can shorten a grace of 60000', 'X1 a later caller can shorten a grace of Infinity'],
    transport: class extends MemoryTransport {
      #isLong = false;
      override close({ graceMs = 5000 }: CloseOptions = {}): Promise<void> {
        this.#isLong ||= graceMs > 5000;
        return super.close({ graceMs: this.#isLong ? Infinity : graceMs });
      }
    },
  },
  {
    mistake: 'has a grace of its own',
    fails: [
      'X1 a later caller can shorten a grace of 60000',
      'X1 a later caller can not lengthen the grace',
      'X2 a peer that does not end has until graceMs, and is cut off then',
      'X2 a peer that does not read is cut off at graceMs',
      'X2 with graceMs 0 connections are cut off at once',
    ],
    finds: /it took|only after/,
    transport: class extends MemoryTransport {
      override close(): Promise<void> {
        return super.close({ graceMs: LATE_MS });
      }
    },
    timeoutMs: 10_000,
  },
  {
    mistake: 'does not wait for its first connection to end',
    fails: ['X2 all connections have ended when it resolves'],
    transport: withClose(([first, ...others]) => {
      if (first !== undefined) first.end = () => first;
      return Promise.all(others.map((connection) => once(connection, 'close')));
    }),
  },
  {
    mistake: 'leaves it to its peers to end connections',
    fails: [
      'X2 all connections have ended when it resolves',
      'X5 stopListening keeps connections, and close ends them',
    ],
    transport: withClose((connections) => {
      for (const connection of connections) connection.end = () => connection;
      return undefined;
    }),
  },
  {
    mistake: 'loses what waits to be written when it closes',
    fails: ['X2 what was written arrives though the handler echoes and the peer goes on sending'],
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
    mistake: 'destroys connections with unread input when it closes',
    fails: [
      'X2 what was written arrives though there is unread input (the near end is closed)',
      'X2 what was written arrives though there is unread input (the far end is closed)',
      'X2 what was written arrives though the handler echoes and the peer goes on sending',
    ],
    transport: withClose((connections) => {
      for (const connection of connections.filter(({ readableLength }) => readableLength > 0)) connection.destroy();
      return undefined;
    }),
  },
  {
    mistake: 'leaves input unread when it closes',
    fails: ['X2 unread input is discarded though somebody listens for it to be readable'],
    transport: withClose((connections) => {
      for (const connection of connections) connection.read = () => null;
      return undefined;
    }),
  },
  {
    mistake: 'cuts connections off at once',
    fails: [
      'X2 what was written before arrives at a peer that reads slowly (the near end is closed)',
      'X2 what was written before arrives at a peer that reads slowly (the far end is closed)',
      'X2 a peer that does not end has until graceMs, and is cut off then',
      'X1 a close with a grace that is none rejects and closes nothing',
    ],
    transport: class extends MemoryTransport {
      override close(): Promise<void> {
        return super.close({ graceMs: 0 });
      }
    },
  },
  {
    mistake: 'leaves a listener of the process',
    fails: ['X3 nothing is left of a listener, a dialer and their connections'],
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
    mistake: 'leaves timers when it has waited in vain',
    fails: ['X3 nothing is left of a connect that failed'],
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
      'X3 nothing is left of a listener, a dialer and their connections',
      'X3 nothing is left of connections that were cut off',
      'L6 a signal aborted beforehand rejects ABORTED and binds nothing',
      'L6 an abort at any moment leaves a listener or nothing',
      'L6 a close at any moment leaves nothing',
      'X4 a pending listen rejects CLOSED, and leaves nothing',
      'X5 stopListening rejects a pending listen with CLOSED and leaves nothing',
    ],
    transport: LeavesFile,
  },
  {
    mistake: 'lets a pending connect go on when it is closed',
    fails: [
      'X4 a connect that waits for its endpoint rejects CLOSED, and leaves nothing',
      'X4 a connect that is pending at any moment rejects CLOSED or has its connection ended',
      'X4 listen and connect reject CLOSED while a close is pending',
    ],
    transport: class extends MemoryTransport {
      override connect(endpoint: string, options?: ConnectOptions): Promise<MemoryConnection> {
        return new MemoryTransport().connect(endpoint, options);
      }
    },
  },
  {
    mistake: 'can be used until its close is over',
    fails: ['X4 listen and connect reject CLOSED while a close is pending'],
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
    mistake: 'can be used again after it was closed',
    fails: ['X4 listen and connect reject CLOSED while a close is over'],
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
    mistake: 'keeps its address',
    fails: [
      'X5 `await using` closes, also when its block throws',
      'X5 stopListening can be called again, at the same time, without a listener and after close',
      'X5 stopListening frees the address for another listener, which keeps it',
    ],
    transport: class extends MemoryTransport {
      override stopListening(): Promise<void> {
        return Promise.resolve();
      }
    },
  },
  {
    mistake: 'cannot be told twice at the same time to stop listening',
    fails: ['X5 stopListening can be called again, at the same time, without a listener and after close'],
    transport: class extends MemoryTransport {
      #isStopping = false;
      override async stopListening(): Promise<void> {
        if (this.#isStopping) throw new TransportError('IO', 'it stops already');
        this.#isStopping = true;
        await super.stopListening();
        this.#isStopping = false;
      }
    },
  },
  {
    mistake: 'ends connections when it stops listening',
    fails: ['X5 stopListening keeps connections, and close ends them'],
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
    mistake: 'leaves a descriptor',
    fails: ['X3 nothing is left of a connect that failed'],
    transport: class extends MemoryTransport {
      override connect(endpoint: string, options?: ConnectOptions): Promise<MemoryConnection> {
        const descriptor = openSync(process.execPath, 'r');
        // Not for good: other tests come after this one.
        setTimeout(() => {
          closeSync(descriptor);
        }, 5000).unref();
        return super.connect(endpoint, options);
      }
    },
  },
  {
    mistake: 'leaves a file in another process',
    fails: ['X3 a process whose transports have closed holds nothing any more and ends by itself'],
    transport: LeavesFile,
    timeoutMs: 30_000,
  },
];
