import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { joinHostPort, parseEndpoint } from '@rpcplugin/endpoint-utils';
import { stuckServer } from '@rpcplugin/transport-testkit';
import type { TransportSubject } from '@rpcplugin/transport-testkit';
import { TCPSocketTransport } from '../src/index.js';
import type { TCPSocketTransportOptions } from '../src/index.js';

/** From sources, by a loader for TypeScript. */
const execArgv = ['--conditions=@rpcplugin/source', '--import', 'tsx'];

function subject(name: string, host: string, options: TCPSocketTransportOptions = {}): TransportSubject<Socket> {
  const ends: (() => unknown)[] = [];
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
            const { port, end } = await holdFreePort(host);
            ends.push(end);
            return joinHostPort(host, port);
          },
        },
      },
      stuck: async () => {
        const { address, end } = await stuckServer({ host, port: 0 });
        ends.push(end);
        return joinHostPort(host, typeof address === 'string' ? address : address.port);
      },
      module: { url: import.meta.url, name, execArgv },
      cleanUp: async () => {
        for (const end of ends.splice(0)) await end();
      },
    },
  };
}

export const ipv4 = subject('ipv4', '127.0.0.1');
export const ipv6 = subject('ipv6', '::1');
export const portRange = subject('portRange', '127.0.0.1', { port: { min: 20_000, max: 30_000 } });

function portOf(endpoint: string): number {
  const parts = parseEndpoint(endpoint);
  if (parts.network !== 'tcp') throw new Error(`not TCP: ${endpoint}`);
  return parts.port;
}

/**
 * A port on which nobody listens, and which the system gives to nobody who asks for just any port: it is the near end of a
 * connection. Such a port can still be listened on by who asks for it by its number.
 */
async function holdFreePort(host: string): Promise<{ port: number; end: () => void }> {
  const probe = await listening(createServer(), host);
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  const server = await listening(
    createServer((accepted) => accepted.resume().on('error', () => undefined)),
    host,
  );
  const socket = connect({ host, port: (server.address() as AddressInfo).port, localAddress: host, localPort: port });
  await once(socket, 'connect');
  return {
    port,
    end: () => {
      socket.destroy();
      server.close();
    },
  };
}

async function listening(server: Server, host: string): Promise<Server> {
  server.listen(0, host);
  await once(server, 'listening');
  return server;
}
