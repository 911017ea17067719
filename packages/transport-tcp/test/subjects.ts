import type { Socket } from 'node:net';
import { joinHostPort } from '@rpcplugin/endpoint-utils';
import { holdFreePort, portOf, sourceLoader } from '@rpcplugin/test-support/process';
import { stuckServer } from '@rpcplugin/transport-testkit';
import type { TransportSubject } from '@rpcplugin/transport-testkit';
import { TCPSocketTransport } from '../src/index.js';
import type { TCPSocketTransportOptions } from '../src/index.js';

function subject(name: string, host: string, options: TCPSocketTransportOptions = {}): TransportSubject<Socket> {
  const cleanups: (() => unknown)[] = [];
  return {
    create: () => new TCPSocketTransport({ host, ...options }),
    capabilities: {
      canonical: host === '::1' ? /^\[::1\]:[1-9]\d*$/ : /^127\.0\.0\.1:[1-9]\d*$/,
      createAt: (endpoint) => new TCPSocketTransport({ host, port: portOf(endpoint) }),
      malformed: ['', '127.0.0.1', '127.0.0.1:', ':1', '127.0.0.1:65536', '::1:1', 'http://127.0.0.1:1', '127.0.0.1:0'],
      foreign: ['unix:/tmp/nobody.sock', '/tmp/nobody.sock', './nobody.sock'],
      absent: {
        'a free port': {
          code: 'CONNECTION_REFUSED',
          make: async () => {
            const { port, release } = await holdFreePort(host);
            cleanups.push(release);
            return joinHostPort(host, port);
          },
        },
      },
      stuck: async () => {
        const { address, end } = await stuckServer({ host, port: 0 });
        cleanups.push(end);
        return joinHostPort(host, typeof address === 'string' ? address : address.port);
      },
      module: { url: import.meta.url, name, execArgv: sourceLoader },
      cleanUp: async () => {
        for (const cleanup of cleanups.splice(0)) await cleanup();
      },
    },
  };
}

export const ipv4 = subject('ipv4', '127.0.0.1');
export const ipv6 = subject('ipv6', '::1');
export const portRange = subject('portRange', '127.0.0.1', { port: { min: 20_000, max: 30_000 } });
