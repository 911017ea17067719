import { sourceLoader } from '@rpcplugin/test-support/process';
import type { ConnectOptions, ListenOptions, Transport } from '@rpcplugin/transport-core';
import { MemoryTransport } from '../../src/index.js';
import type { MemoryConnection, MemoryTransportOptions, TransportSubject } from '../../src/index.js';
import { PROMPT_MS } from '../../src/waiting.js';
import { memory } from '../subjects.js';

/** A mistake of a transport. */
export interface Mistake {
  /** Completes "a transport that". */
  readonly mistake: string;
  /** The cases that must find it. */
  readonly fails?: readonly string[];
  /** The cases that find it because they do not finish. */
  readonly hangs?: readonly string[];
  /** Matches the message of the assertion that must fail, if others could fail too. */
  readonly finds?: RegExp;
  /** Whether the cases take seconds, and can run concurrently. */
  readonly isSlow?: boolean;
}

/** A transport with one mistake. */
export interface Mutant extends Mistake {
  readonly transport: new (options?: MemoryTransportOptions) => Transport;
}

/** A transport with one connection and one mistake. */
export interface EndMutant extends Mistake {
  readonly end: new (end: MemoryConnection) => Transport;
}

type MemoryMutant = new (options?: MemoryTransportOptions) => MemoryTransport;

/** Much longer than any case allows for an operation with a limit of up to 250 ms, in milliseconds. */
export const LATE_MS = 2 * PROMPT_MS;

/** The endpoint of a listener that neither accepts nor refuses connections. */
export const STUCK = 'memory:stuck';

/** The files that mutants left behind. */
export const files: string[] = [];

/** The subject of a mutant. Another process finds the mutant by the query of the module's URL. */
export function subjectOf(mistake: string, Transport: Mutant['transport']): TransportSubject {
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
        url: new URL(`../mutant-elsewhere.ts?${encodeURIComponent(mistake)}`, import.meta.url),
        execArgv: sourceLoader,
      },
    },
  };
}

export type Listen = ListenOptions<MemoryConnection>;
type Handler = NonNullable<Listen['onConnection']>;

/** A transport that wraps the handler of connections. */
export function withHandler(change: (handler: Handler, transport: MemoryTransport) => Handler): MemoryMutant {
  return class extends MemoryTransport {
    override listen({ onConnection, ...options }: Listen = {}): Promise<string> {
      return super.listen({ ...options, ...(onConnection && { onConnection: change(onConnection, this) }) });
    }
  };
}

/** A transport whose connections write in another way. Its connections must be made one after the other. */
export function withWrites(write: (chunk: Buffer, peer: MemoryConnection, callback: () => void) => void): MemoryMutant {
  let other: MemoryConnection | undefined;
  return withConnection((connection) => {
    const peer = other;
    other = peer === undefined ? connection : undefined;
    if (peer === undefined) return;
    connection._write = (chunk: Buffer, _encoding, callback) => {
      write(chunk, peer, callback);
    };
    peer._write = (chunk: Buffer, _encoding, callback) => {
      write(chunk, connection, callback);
    };
  });
}

/** A transport that changes each connection, at both ends. */
export function withConnection(
  change: (connection: MemoryConnection, transport: MemoryTransport) => void,
): MemoryMutant {
  const Listening = withHandler((handler, transport) => (connection, info) => {
    change(connection, transport);
    return handler(connection, info);
  });
  return class extends Listening {
    override async connect(endpoint: string, options?: ConnectOptions): Promise<MemoryConnection> {
      const connection = await super.connect(endpoint, options);
      change(connection, this);
      return connection;
    }
  };
}
