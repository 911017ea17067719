import type { Dialer, Listener } from '@rpcplugin/transport-base';
import type { CloseOptions, ConnectOptions } from '@rpcplugin/transport-core';
import { MemoryTransport } from '../src/index.js';
import type { MemoryConnection, TransportSubject } from '../src/index.js';
import { NEVER_MS } from '../src/waiting.js';

let lastName = 0;

/** The in-memory transport. Its endpoints are unknown to other processes. */
export const memory = {
  create: () => new MemoryTransport(),
  capabilities: {
    canonical: /^memory:./,
    createAt: (endpoint) => new MemoryTransport({ name: endpoint.replace('memory:', '') }),
    malformed: ['', 'memory:', 'memory'],
    foreign: ['127.0.0.1:1', 'unix:/tmp/s'],
    absent: { 'an unused name': { code: 'NOT_FOUND', make: () => `memory:unused-${++lastName}` } },
  },
} satisfies TransportSubject;

/** Has graceMs 0 by default. */
export const hasty: TransportSubject = {
  create: () =>
    new (class extends MemoryTransport {
      override close(options?: CloseOptions): Promise<void> {
        return super.close({ graceMs: 0, ...options });
      }
    })(),
};

/** Patient transports wait for an answer of this listener, which never comes. */
const stuck = new MemoryTransport({ name: 'stuck in subjects.ts' });
/** The patient transports that listen. */
const listening = new Set<Patient>();

/** By default waits for endpoints and for connections to end, without limit. Calls the handler late. */
class Patient extends MemoryTransport {
  override connect(endpoint: string, options?: ConnectOptions): Promise<MemoryConnection> {
    return super.connect(endpoint, { waitMs: NEVER_MS, ...options });
  }
  override close(options?: CloseOptions): Promise<void> {
    return super.close({ graceMs: Infinity, ...options });
  }
  protected override listener(): Listener<MemoryConnection> {
    const listener = super.listener();
    return {
      ...listener,
      open: async ({ accept, ...context }) => {
        const endpoint = await listener.open({
          ...context,
          accept: (connection) => void setImmediate(accept, connection),
        });
        listening.add(this);
        context.defer(() => {
          listening.delete(this);
        });
        return endpoint;
      },
    };
  }
  protected override dialer(endpoint: string): Dialer<MemoryConnection> {
    const dialer = super.dialer(endpoint);
    if (endpoint !== stuck.endpoint) return dialer;
    const attempt: typeof dialer.attempt = ({ operation }) =>
      new Promise((_, reject) => void operation.onCancel(reject));
    return { ...dialer, attempt };
  }
}

export const patient: TransportSubject = {
  create: () => new Patient(),
  capabilities: {
    ...memory.capabilities,
    createAt: (endpoint) => new Patient({ name: endpoint.replace('memory:', '') }),
    stuck: () => stuck.endpoint ?? stuck.listen(),
    leftovers: () => Array.from(listening, ({ endpoint }) => String(endpoint)),
  },
};
