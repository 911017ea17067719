// Starts a listener late, or waits for it: `late.js <network>`. Times are of the clock that all processes share.
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, credentials, Server, ServerCredentials } from '@grpc/grpc-js';
import { connectGrpc } from '@rpcplugin/transport-grpc';
import { TCPSocketTransport } from '@rpcplugin/transport-tcp';
import { UnixSocketTransport } from '@rpcplugin/transport-unix';
import { serveCommands } from './commands.js';
import { netOptions } from './socket-library.js';
import type { Network } from './socket-library.js';

const network = process.argv[2] as Network;
const transport = network === 'unix' ? new UnixSocketTransport() : new TCPSocketTransport();
const PATIENCE = { waitMs: 10_000, timeoutMs: 10_000 };

// A gRPC server with injected connections, so that the listener is Node's own and is up when `listen` returns.
const grpc = new Server();
const injector = grpc.createConnectionInjector(ServerCredentials.createInsecure());
const connections = new Set<Socket>();
let server = createServer();

serveCommands({
  /** A free port to listen on. */
  place: async () => {
    const probe = createServer().listen(0, '127.0.0.1');
    await once(probe, 'listening');
    const { port } = probe.address() as AddressInfo;
    probe.close();
    await once(probe, 'close');
    return `127.0.0.1:${port}`;
  },

  appear: async (address: string, afterMs: number) => {
    await sleep(afterMs);
    server = createServer((connection) => {
      connections.add(connection);
      connection.on('close', () => connections.delete(connection)).on('error', () => undefined);
      injector.injectConnection(connection);
    }).listen(netOptions(network, address));
    const appeared = now();
    await once(server, 'listening');
    return appeared;
  },

  disappear: async () => {
    server.close();
    for (const connection of connections) connection.destroy();
    await once(server, 'close');
  },

  connect: async (address: string) => {
    const connection = await transport.connect(endpoint(address), PATIENCE);
    const connected = now();
    connection.on('error', () => undefined).destroy();
    return connected;
  },

  connectGrpc: async (address: string) => {
    const connection = await connectGrpc(transport, endpoint(address), credentials.createInsecure(), PATIENCE);
    const connected = now();
    await connection.close();
    return connected;
  },

  bareGrpc: async (address: string) => {
    const client = new Client(endpoint(address), credentials.createInsecure());
    await new Promise<void>((resolve, reject) => {
      client.waitForReady(Date.now() + PATIENCE.timeoutMs, (error) => {
        if (error) reject(error);
        else resolve();
      });
    });
    const connected = now();
    client.close();
    return connected;
  },
});

function endpoint(address: string): string {
  return network === 'unix' ? `unix:${address}` : address;
}

function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
