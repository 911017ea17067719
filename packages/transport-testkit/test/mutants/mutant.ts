import type { ConnectOptions, ListenOptions } from '@rpcplugin/transport-core';
import { MemoryTransport } from '../../src/index.js';
import type { MemoryConnection, MemoryTransportOptions, TransportSubject } from '../../src/index.js';
import { PROMPT_MS } from '../../src/waiting.js';
import { memory } from '../subjects.js';

/** A transport with one mistake, and the cases that are there to find it. */
export interface Mutant {
  readonly mistake: string;
  readonly fails: readonly string[];
  /** What the case says, if another of its assertions could fail as well. */
  readonly finds?: RegExp;
  readonly transport: new (options?: MemoryTransportOptions) => MemoryTransport;
  /** How long a case may take to find it, in milliseconds, if it is slow: such cases run at the same time. Default: 1000. */
  readonly timeoutMs?: number;
}

/** Longer than all that the cases allow for what is to take at most 150 ms, in milliseconds. */
export const LATE_MS = 200 + PROMPT_MS;

/** Where somebody listens who neither lets anybody in nor turns anybody away. */
export const STUCK = 'memory:stuck';

/** What is left by who leaves files. */
export const files: string[] = [];

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
        url: new URL(`../mutant-elsewhere.ts?${encodeURIComponent(mistake)}`, import.meta.url),
        execArgv: ['--conditions=@rpcplugin/source', '--import', 'tsx'],
      },
    },
  };
}

export type Listen = ListenOptions<MemoryConnection>;
type Handler = NonNullable<Listen['onConnection']>;

/** A transport whose handlers of connections are called in another way. */
export function withHandler(change: (handler: Handler, transport: MemoryTransport) => Handler): Mutant['transport'] {
  return class extends MemoryTransport {
    override listen({ onConnection, ...options }: Listen = {}): Promise<string> {
      return super.listen({ ...options, ...(onConnection && { onConnection: change(onConnection, this) }) });
    }
  };
}

/** A transport that does something with each connection that it makes or hands over. */
export function withConnection(
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
