import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { connectSocket, listenSocket, StreamTransport } from '@rpcplugin/transport-base';
import type { Dialer, Listener } from '@rpcplugin/transport-base';

/** Unix sockets behind streams that do not keep the process alive: endpoints such as `duplex:/tmp/p.sock`. */
export class DuplexTransport extends StreamTransport<Duplex> {
  readonly #path: string;

  constructor(path = '') {
    super('duplex');
    this.#path = path;
  }

  protected override listener(): Listener<Duplex> {
    const path = this.#path;
    const endpoint = `duplex:${path}`;
    return {
      endpoint,
      open: async (context) => {
        const accept = (socket: Socket): void => {
          context.accept(duplexOf(socket));
        };
        await listenSocket({ path }, {}, { ...context, accept });
        return endpoint;
      },
    };
  }

  protected override dialer(endpoint: string): Dialer<Duplex> {
    const path = endpoint.replace('duplex:', '');
    return { endpoint, path, attempt: async (context) => duplexOf(await connectSocket({ path }, context)) };
  }
}

function duplexOf(socket: Socket): Duplex {
  const duplex = new Duplex({
    allowHalfOpen: false,
    read: () => socket.resume(),
    write: (chunk: Buffer, encoding, callback) => socket.write(chunk, encoding, callback),
    final: (callback) => socket.end(callback),
    destroy: (error, callback) => {
      socket.destroy();
      callback(error);
    },
  });
  socket
    .on('data', (chunk) => duplex.push(chunk) || socket.pause())
    .on('end', () => duplex.push(null))
    .on('error', (error) => duplex.destroy(error))
    .on('close', () => duplex.destroy())
    .pause()
    .unref();
  return duplex;
}
