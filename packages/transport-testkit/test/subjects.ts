import { MemoryTransport } from '../src/index.js';
import type { TransportSubject } from '../src/index.js';

let lastName = 0;

/** The transport in memory. Another process knows nothing of its endpoints. */
export const memory = {
  create: () => new MemoryTransport(),
  capabilities: {
    canonical: /^memory:./,
    createAt: (endpoint) => new MemoryTransport({ name: endpoint.replace('memory:', '') }),
    malformed: ['', 'memory:', 'memory'],
    foreign: ['127.0.0.1:1', 'unix:/tmp/s'],
    absent: { 'a name that nobody has': { code: 'NOT_FOUND', make: () => `memory:nobody-${++lastName}` } },
  },
} satisfies TransportSubject;
