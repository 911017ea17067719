import type { Server } from 'node:net';
import { connectSocket, SocketTransport, TransportError } from '../src/index.js';
import type { Dialer, SocketTransportOptions } from '../src/index.js';

/** What somebody else's socket transport looks like: endpoints such as `pipe:/tmp/x`. */
export class PipeTransport extends SocketTransport {
  readonly path: string;

  constructor(path: string, options: SocketTransportOptions = {}) {
    super('pipe', options, { waitMs: 0, pollMs: 2 });
    this.path = path;
  }

  protected override async bind(server: Server): Promise<string> {
    // It takes no time that would be worth giving up: there is no signal to heed.
    await this.startServer(server, { path: this.path });
    return `pipe:${this.path}`;
  }

  protected override unbind(): void | Promise<void> {
    // The server removes its file as it closes.
  }

  protected override dialer(endpoint: string): Dialer {
    if (!endpoint.startsWith('pipe:')) throw new TransportError('INVALID_ENDPOINT', `${endpoint} is not a pipe`);
    const path = endpoint.slice('pipe:'.length);
    return { endpoint, attempt: ({ allowHalfOpen, operation }) => connectSocket({ path, allowHalfOpen }, operation) };
  }
}
