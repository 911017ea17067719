import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { until } from '@rpcplugin/test-support/process';
import type { SocketTransportOptions } from '@rpcplugin/transport-base';
import type { Transport } from '@rpcplugin/transport-core';
import type { Place } from './variants.js';

/** A handler that keeps the connections it gets. */
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

/** Creates the transports and plain peers of a test, and ends them after it. */
export class Fixture {
  readonly #place: Place;
  readonly #transports: Transport[] = [];
  readonly #peers: Socket[] = [];

  constructor(place: Place) {
    this.#place = place;
  }

  leftovers(): Promise<string[]> {
    return this.#place.leftovers();
  }

  absent(what: string): Promise<string> {
    return this.#place.absent(what);
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

  /** Opens a plain socket: one attempt by Node itself, without a transport. */
  async dial(endpoint: string, { allowHalfOpen = false } = {}): Promise<Socket> {
    const socket = connect({ ...this.#place.netOptions(endpoint), allowHalfOpen });
    this.#peers.push(socket);
    await once(socket, 'connect');
    socket.on('error', () => undefined);
    return socket;
  }

  async end(): Promise<void> {
    for (const peer of this.#peers) peer.destroy();
    await Promise.all(this.#transports.map((transport) => transport.close({ graceMs: 0 })));
    await this.#place.close();
  }
}

/** A handler that echoes. */
export const echo: (connection: Socket) => void = (connection) => connection.pipe(connection);

/** Reads exactly this many bytes and leaves the rest unread. */
async function receive(socket: Socket, bytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for (let missing = bytes; missing > 0;) {
    const chunk = socket.read(Math.min(missing, Math.max(socket.readableLength, 1))) as Buffer | null;
    if (chunk === null) {
      if (socket.readableEnded || socket.destroyed) throw new Error(`ended ${missing} bytes early`);
      await activity(socket);
    } else {
      chunks.push(chunk);
      missing -= chunk.length;
    }
  }
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

/** Whether data arrives both ways between two ends. */
export async function connected(one: Socket, other: Socket): Promise<boolean> {
  return (await arrives(one, other)) && (await arrives(other, one));
}

async function arrives(from: Socket, to: Socket): Promise<boolean> {
  const message = randomUUID();
  from.write(message);
  return (await receive(to, message.length)).toString() === message;
}

/** Whether data comes back from a handler that echoes. */
export async function echoes(socket: Socket): Promise<boolean> {
  return arrives(socket, socket);
}
