import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, ListenOptions, Server } from 'node:net';

/** Makes a server listen, and resolves once it does. */
export async function listening(server: Server, address: ListenOptions): Promise<Server> {
  server.listen({ ...address, exclusive: true });
  await once(server, 'listening');
  return server;
}

export async function closeServer(server: Server): Promise<void> {
  server.close();
  await once(server, 'close');
}

/** The port of a server or of an endpoint. */
export function portOf(of: Server | string): number {
  return typeof of === 'string' ? Number(of.slice(of.lastIndexOf(':') + 1)) : (of.address() as AddressInfo).port;
}

/** The path of a unix endpoint. */
export function pathOf(endpoint: string): string {
  return endpoint.replace(/^unix:/, '');
}

/** A port that was free a moment ago. Another process may take it at any time: see {@link holdFreePort}. */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  const server = await listening(createServer(), { host, port: 0 });
  const port = portOf(server);
  await closeServer(server);
  return port;
}

/**
 * A port without a listener. It is the near end of a connection, so the system assigns it to nothing else until
 * `release` is called. A listener can still ask for it by its number.
 */
export async function holdFreePort(host = '127.0.0.1'): Promise<{ port: number; release: () => void }> {
  // On Windows, nothing can listen on the port of a connection.
  if (process.platform === 'win32') return { port: await unassignedPort(host), release: () => undefined };
  const server = await listening(
    createServer((accepted) => accepted.resume().on('error', () => undefined)),
    { host, port: 0 },
  );
  for (;;) {
    const port = await freePort(host);
    const socket = connect({ host, port: portOf(server), localAddress: host, localPort: port });
    try {
      await once(socket, 'connect');
    } catch (error) {
      // Another process was faster.
      if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') continue;
      server.close();
      throw error;
    }
    const release = (): void => {
      socket.destroy();
      server.close();
    };
    return { port, release };
  }
}

/** A free port in a range from which systems assign none by themselves. */
async function unassignedPort(host: string): Promise<number> {
  for (;;) {
    const port = randomInt(10_000, 20_000);
    try {
      await closeServer(await listening(createServer(), { host, port }));
      return port;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    }
  }
}
