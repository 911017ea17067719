import { chmodSync, linkSync, mkdtempSync, rmdirSync, unlinkSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { AddressInfo, ListenOptions, Server, Socket } from 'node:net';
import { join } from 'node:path';
import { toHandshakeAddress } from '@rpcplugin/endpoint-utils';
import type { Transport } from '@rpcplugin/transport-core';
import { TCPSocketTransport } from '@rpcplugin/transport-tcp';
import { UnixSocketTransport } from '@rpcplugin/transport-unix';

export type Network = 'unix' | 'tcp';

/** What the benchmarks need from a socket library. An address is a path or `host:port`. */
export interface SocketLibrary {
  listen(onConnection: (connection: Socket) => void, directory: string): Promise<string>;
  dial(address: string): Promise<Socket>;
  /** Closes the listener and all its connections. */
  close(): Promise<void>;
}

/** The transports set these, too. Node ignores them on unix sockets. */
const OPTIONS = { noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000 };

/** Bare `node:net`: the best that a library on top of it can reach. */
class BareNet implements SocketLibrary {
  static #sockets = 0;

  readonly #network: Network;
  readonly #accepted = new Set<Socket>();
  #server: Server | undefined;

  constructor(network: Network) {
    this.#network = network;
  }

  async listen(onConnection: (connection: Socket) => void, directory: string): Promise<string> {
    const server = createServer(OPTIONS, (connection) => {
      this.#accepted.add(connection);
      connection.once('close', () => this.#accepted.delete(connection));
      connection.on('error', () => undefined);
      onConnection(connection);
    });
    this.#server = server;
    if (this.#network === 'unix') {
      const path = join(directory, `bare-${process.pid}-${BareNet.#sockets++}.sock`);
      await this.bind(server, path);
      return path;
    }
    await start(server, { host: '127.0.0.1', port: 0 });
    return `127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  protected bind(server: Server, path: string): Promise<void> {
    return start(server, { path });
  }

  dial(address: string): Promise<Socket> {
    return this.connected(connect({ ...OPTIONS, ...netOptions(this.#network, address) }));
  }

  protected connected(socket: Socket): Promise<Socket> {
    return new Promise((resolve, reject) => {
      socket.on('connect', () => {
        resolve(socket);
      });
      socket.on('error', reject);
    });
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server?.close(() => {
        resolve();
      });
      for (const connection of this.#accepted) {
        connection.end();
        connection.resume();
      }
    });
  }
}

/** Bare `node:net` with a minimal time limit for connects. */
class LimitedNet extends BareNet {
  protected override async connected(socket: Socket): Promise<Socket> {
    const timer = setTimeout(() => socket.destroy(new Error('too late')), 5000);
    try {
      return await super.connected(socket);
    } finally {
      clearTimeout(timer);
    }
  }
}

/**
 * Bare `node:net` with the minimum that never shows a unix socket with another mode than its final one: it binds the
 * socket in a private directory and links it to its name with link(2).
 */
class PublishingNet extends BareNet {
  #path = '';

  protected override async bind(server: Server, path: string): Promise<void> {
    this.#path = path;
    const staging = mkdtempSync(`${path}-`);
    const staged = join(staging, 's');
    await start(server, { path: staged });
    chmodSync(staged, 0o660);
    linkSync(staged, path);
    unlinkSync(staged);
    rmdirSync(staging);
  }

  override close(): Promise<void> {
    unlinkSync(this.#path);
    return super.close();
  }
}

/** The packages of this project. */
class Transports implements SocketLibrary {
  readonly #network: Network;
  readonly #create: (directory?: string) => Transport<Socket>;
  #transport: Transport<Socket>;

  constructor(network: Network) {
    this.#network = network;
    this.#create = (directory) =>
      network === 'unix' ? new UnixSocketTransport({ directory }) : new TCPSocketTransport();
    this.#transport = this.#create();
  }

  async listen(onConnection: (connection: Socket) => void, directory: string): Promise<string> {
    this.#transport = this.#create(directory);
    return toHandshakeAddress(await this.#transport.listen({ onConnection })).address;
  }

  dial(address: string): Promise<Socket> {
    return this.#transport.connect(this.#network === 'unix' ? `unix:${address}` : address);
  }

  close(): Promise<void> {
    return this.#transport.close();
  }
}

/** Creates a library by its name on the command line. */
export function socketLibrary(name: string, network: Network): SocketLibrary {
  switch (name) {
    case 'transport':
      return new Transports(network);
    case 'publishing':
      return new PublishingNet(network);
    case 'limited':
      return new LimitedNet(network);
    default:
      return new BareNet(network);
  }
}

export function netOptions(network: Network, address: string): { path: string } | { host: string; port: number } {
  if (network === 'unix') return { path: address };
  const colon = address.lastIndexOf(':');
  return { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) };
}

function start(server: Server, address: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.on('listening', resolve);
    server.on('error', reject);
    server.listen(address);
  });
}
