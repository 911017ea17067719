import { closeSync, openSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { TransportError } from '@rpcplugin/transport-core';
import type { CloseOptions, ConnectOptions, ListenOptions } from '@rpcplugin/transport-core';
import { MemoryTransport } from '../src/index.js';
import type { MemoryConnection, MemoryTransportOptions, TransportSubject } from '../src/index.js';
import { memory } from './subjects.js';

/** A transport with one mistake, and the cases that are there to find it. */
export interface Mutant {
  readonly mistake: string;
  readonly fails: readonly string[];
  readonly transport: new (options?: MemoryTransportOptions) => MemoryTransport;
  /** How long a case may take to find it, in milliseconds, if a process has to start. Default: 1000. */
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

/** A transport that does something with each connection that it makes or hands over. */
function withConnection(
  change: (connection: MemoryConnection, transport: MemoryTransport) => void,
): Mutant['transport'] {
  const Listening = withHandler((handler, transport) => (connection) => {
    change(connection, transport);
    return handler(connection);
  });
  return class extends Listening {
    override async connect(endpoint: string, options?: ConnectOptions): Promise<MemoryConnection> {
      const connection = await super.connect(endpoint, options);
      change(connection, this);
      return connection;
    }
  };
}

/** A transport that closes in another way. */
function withClose(change: (connections: readonly MemoryConnection[]) => void): Mutant['transport'] {
  const all = new Map<MemoryTransport, MemoryConnection[]>();
  const Connecting = withConnection((connection, transport) => {
    all.set(transport, [...(all.get(transport) ?? []), connection]);
  });
  return class extends Connecting {
    override close(options?: CloseOptions): Promise<void> {
      change(all.get(this) ?? []);
      return super.close(options);
    }
  };
}

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
    transport: withConnection((connection) => {
      connection.resume();
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
    fails: ['L6 once it has resolved the signal does nothing'],
    transport: class extends MemoryTransport {
      override async listen(options: Listen = {}): Promise<string> {
        options.signal?.addEventListener('abort', () => void this.stopListening());
        return super.listen(options);
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
    mistake: 'can not be closed from inside a handler',
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
    mistake: 'lets a later close lengthen the grace',
    fails: ['X1 a later caller can not lengthen the grace'],
    transport: class extends MemoryTransport {
      #timer: NodeJS.Timeout | undefined;
      override close({ graceMs = 5000 }: CloseOptions = {}): Promise<void> {
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => void super.close({ graceMs: 0 }), graceMs);
        return super.close({ graceMs: Infinity });
      }
    },
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
    }),
  },
  {
    mistake: 'leaves input unread when it closes',
    fails: ['X2 unread input is discarded though somebody listens for it to be readable'],
    transport: withClose((connections) => {
      for (const connection of connections) connection.read = () => null;
    }),
  },
  {
    mistake: 'cuts connections off at once',
    fails: [
      'X2 what was written before arrives at a peer that reads slowly (the near end is closed)',
      'X2 what was written before arrives at a peer that reads slowly (the far end is closed)',
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
    mistake: 'leaves timers',
    fails: ['X3 nothing is left of a connect that failed'],
    transport: class extends MemoryTransport {
      override connect(endpoint: string, options?: ConnectOptions): Promise<MemoryConnection> {
        for (let i = 0; i < 5; i++) setTimeout(() => undefined, 5000);
        return super.connect(endpoint, options);
      }
    },
  },
  {
    mistake: 'leaves a file',
    fails: [
      'X3 nothing is left of a listener, a dialer and their connections',
      'X3 nothing is left of connections that were cut off',
      'L5 a listen that found its address in use leaves nothing',
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
    mistake: 'is known in its own process only',
    fails: ['L2 the endpoint leads another process there'],
    transport: MemoryTransport,
    timeoutMs: 30_000,
  },
  {
    mistake: 'leaves a file in another process',
    fails: ['X3 a process whose transports have closed holds nothing any more and ends by itself'],
    transport: LeavesFile,
    timeoutMs: 30_000,
  },
  {
    mistake: 'lets errors of connections end another process',
    fails: ['E2 errors on connections that nobody listens to do not end a process'],
    transport: Unguarded,
    timeoutMs: 30_000,
  },
  {
    mistake: 'takes an address whose holder does not answer',
    fails: ['L5 an address whose holder is too busy to answer is in use'],
    transport: MemoryTransport,
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
