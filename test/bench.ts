import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import type { ConnectOptions, ListenOptions, SocketTransportOptions, Transport } from '@rpcplugin/transport-core';
import type { ContractPlace } from './contract.js';
import { until } from './support.js';

/** A listener's handler that keeps what it gets. */
export class Accepted {
  readonly connections: Socket[] = [];

  readonly onConnection = (connection: Socket): void => {
    this.connections.push(connection);
  };

  async at(index: number): Promise<Socket> {
    await until(() => this.connections.length > index);
    const connection = this.connections[index];
    if (connection === undefined) throw new Error('unreachable');
    return connection;
  }
}

export interface Pair {
  listener: Transport<Socket>;
  endpoint: string;
  dialer: Transport<Socket>;
  /** The end that `connect` gave. */
  near: Socket;
  /** The end that the handler got. */
  far: Socket;
}

/** Makes what a test needs, and ends all of it after the test. */
export class Bench {
  readonly #place: ContractPlace;
  readonly #transports: Transport[] = [];
  readonly #peers: Socket[] = [];

  constructor(place: ContractPlace) {
    this.#place = place;
  }

  leftovers(): Promise<string[]> {
    return this.#place.leftovers();
  }

  nobody(what: string): Promise<string> {
    return this.#place.nobody(what);
  }

  create(options?: SocketTransportOptions): Transport<Socket> {
    return this.#keep(this.#place.create(options));
  }

  createAt(endpoint: string, options?: SocketTransportOptions): Transport<Socket> {
    return this.#keep(this.#place.createAt(endpoint, options));
  }

  #keep(transport: Transport<Socket>): Transport<Socket> {
    this.#transports.push(transport);
    return transport;
  }

  /** A peer that has nothing to do with a transport: one attempt of Node's own. */
  async dial(endpoint: string, { allowHalfOpen = false } = {}): Promise<Socket> {
    const socket = connect({ ...this.#place.netOptions(endpoint), allowHalfOpen });
    this.#peers.push(socket);
    await once(socket, 'connect');
    socket.on('error', () => undefined);
    return socket;
  }

  /** A peer that reads, is told that the other side has ended, and does not end itself. */
  async dialStubborn(endpoint: string): Promise<Socket> {
    const peer = await this.dial(endpoint, { allowHalfOpen: true });
    return peer.resume();
  }

  async pair(
    options: { listen?: Omit<ListenOptions<Socket>, 'onConnection'>; connect?: ConnectOptions } = {},
  ): Promise<Pair> {
    const accepted = new Accepted();
    const listener = this.create();
    const endpoint = await listener.listen({ ...options.listen, onConnection: accepted.onConnection });
    const dialer = this.create();
    const near = await dialer.connect(endpoint, options.connect);
    return { listener, endpoint, dialer, near, far: await accepted.at(0) };
  }

  async end(): Promise<void> {
    for (const peer of this.#peers) peer.destroy();
    await Promise.all(this.#transports.map((transport) => transport.close({ graceMs: 0 })));
    await this.#place.close();
  }
}

/** A handler that sends back what it gets. */
export const echo: (connection: Socket) => void = (connection) => connection.pipe(connection);

/** Reads exactly so many bytes and leaves the rest where it is. */
export async function receive(socket: Socket, bytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for (let missing = bytes; missing > 0;) {
    const chunk = socket.read(Math.min(missing, Math.max(socket.readableLength, 1))) as Buffer | null;
    if (chunk === null) {
      if (socket.readableEnded || socket.destroyed) throw new Error(`ended ${missing} bytes too early`);
      await activity(socket);
    } else {
      chunks.push(chunk);
      missing -= chunk.length;
    }
  }
  return Buffer.concat(chunks);
}

/** Reads until the peer ends. Unlike a stream's iterator it leaves the socket writable. */
export async function receiveAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(socket, 'end');
  return Buffer.concat(chunks);
}

async function activity(socket: Socket): Promise<void> {
  const done = new AbortController();
  try {
    await Promise.race(['readable', 'end', 'close'].map((event) => once(socket, event, { signal: done.signal })));
  } finally {
    done.abort();
  }
}

/** Whether what is written at one end arrives at the other, both ways. */
export async function connected(one: Socket, other: Socket): Promise<boolean> {
  return (await arrives(one, other)) && (await arrives(other, one));
}

async function arrives(from: Socket, to: Socket): Promise<boolean> {
  const message = randomUUID();
  from.write(message);
  return (await receive(to, message.length)).toString() === message;
}

/** Whether what is written comes back, from a handler that echoes. */
export async function echoes(socket: Socket): Promise<boolean> {
  return arrives(socket, socket);
}

/** Resolves with how a socket ends: `closed`, or the code of its error. */
export async function ending(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let how = 'closed';
    socket.on('error', (error: NodeJS.ErrnoException) => {
      how = error.code ?? error.message;
    });
    if (socket.closed) resolve(how);
    socket.on('close', () => {
      resolve(how);
    });
  });
}
