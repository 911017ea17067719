import { TransportError } from '@rpcplugin/transport-core';
import { connectSocket, listenSocket, socketOptions, StreamTransport } from '../src/index.js';
import type { Dialer, ListenContext, Listener, SocketTransportOptions } from '../src/index.js';

/** A third-party socket transport, with endpoints such as `pipe:/tmp/x`. */
export class PipeTransport extends StreamTransport {
  readonly path: string;
  readonly #options: SocketTransportOptions;

  constructor(path: string, options: SocketTransportOptions = {}) {
    super('pipe');
    this.path = path;
    this.#options = socketOptions(options);
  }

  protected override listener(): Listener {
    return { endpoint: `pipe:${this.path}`, open: (context) => this.open(context) };
  }

  protected async open(context: ListenContext): Promise<string> {
    // The server removes its file when it closes.
    await listenSocket({ path: this.path }, this.#options, context);
    return `pipe:${this.path}`;
  }

  protected override dialer(endpoint: string): Dialer {
    if (!endpoint.startsWith('pipe:')) throw new TransportError('INVALID_ENDPOINT', `${endpoint} is not a pipe`);
    const path = endpoint.slice('pipe:'.length);
    return { endpoint, retryMs: 2, attempt: (context) => connectSocket({ path }, context) };
  }
}
