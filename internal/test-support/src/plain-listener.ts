import { createServer } from 'node:net';
import type { ListenOptions, Server, Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { listening } from './addresses.js';

/** Starts a `net.Server`, which is closed after the test with all of its connections. */
export async function plainListener(
  address: ListenOptions,
  onConnection: (socket: Socket) => unknown = () => undefined,
): Promise<Server> {
  const connections = new Set<Socket>();
  const server = createServer((socket) => {
    connections.add(socket.on('error', () => undefined));
    onConnection(socket);
  });
  onTestFinished(() => {
    server.close();
    for (const socket of connections) socket.destroy();
  });
  return listening(server, address);
}
