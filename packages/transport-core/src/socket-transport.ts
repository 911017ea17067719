import { createServer } from 'node:net';
import type { ListenOptions as ServerListenOptions, Server, Socket } from 'node:net';
import { TransportDiagnostics } from './diagnostics.js';
import { eventOf } from './event-of.js';
import type { Operation } from './operation.js';
import { assertOptions, integerOption } from './options.js';
import { StreamTransport } from './stream-transport.js';
import type { BindOptions, DialDefaults, Dialer } from './stream-transport.js';

/** What every socket transport takes when it is constructed. */
export interface SocketTransportOptions {
  /**
   * How many connections the kernel holds for the listener until it accepts them (listen(2)), from 1 to 65535; Linux caps
   * it at `net.core.somaxconn`. Default: 511, Node's own.
   */
  backlog?: number | undefined;
  /** How many connections that one `listen` accepted may be open at once; one more is closed at once. Default: no limit. */
  maxConnections?: number | undefined;
}

/**
 * The lifecycle of transports made of sockets. A subclass says only how to put a server on its kind of address ({@link bind}),
 * what to tidy up when that address is given up ({@link unbind}), and how to reach one ({@link dialer}).
 */
export abstract class SocketTransport extends StreamTransport<Socket> {
  readonly #backlog: number | undefined;
  readonly #maxConnections: number | undefined;
  readonly #diagnostics = new TransportDiagnostics(this);
  #server: Server | undefined;

  /** @throws TransportError `INVALID_ARGUMENT` for an option that can not be used. */
  protected constructor(network: string, options: SocketTransportOptions, dialDefaults: DialDefaults) {
    assertOptions(options);
    super(network, dialDefaults);
    this.#backlog = integerOption('backlog', options.backlog, 1, 65_535);
    this.#maxConnections = integerOption('maxConnections', options.maxConnections, 1, Infinity);
  }

  /**
   * Puts the server on an address, with {@link startServer}, and resolves with the canonical endpoint once it can be reached.
   * When it fails, or the operation is given up, it tidies up, closes nothing of the server, and rejects.
   */
  protected abstract bind(server: Server, operation: Operation): Promise<string>;

  /** Tidies up what `bind` left beside the server's own descriptor, which is closed right afterwards. */
  protected abstract unbind(): void | Promise<void>;

  protected abstract override dialer(endpoint: string): Dialer;

  /** Starts the server on an address, in this very process (not in the primary of a cluster) and with the backlog asked for. */
  protected startServer(server: Server, address: ServerListenOptions): Promise<void> {
    return eventOf(server.listen({ ...address, exclusive: true, backlog: this.#backlog }), 'listening');
  }

  protected override async open({ accept, allowHalfOpen, operation }: BindOptions<Socket>): Promise<string> {
    // Node has no use for the TCP options on other kinds of sockets, and sets them as it accepts.
    const server = createServer({ allowHalfOpen, noDelay: true, keepAlive: true });
    if (this.#maxConnections !== undefined) server.maxConnections = this.#maxConnections;
    server.on('connection', accept);
    server.on('drop', () => {
      this.#diagnostics.publish('drop', this.endpoint, () => ({ reason: 'maxConnections' }));
    });
    server.once('listening', () => {
      // What fails to be accepted is not the end of the listener. For want of descriptors nothing fails, except on Windows: libuv
      // keeps one back, to accept with and close at once whoever waits, and tells nobody.
      server.on('error', (error) => {
        this.#diagnostics.error(this.endpoint, 'accept', error);
      });
    });
    try {
      const endpoint = await this.bind(server, operation);
      this.#server = server;
      return endpoint;
    } catch (error) {
      server.close();
      throw error;
    }
  }

  protected override async shut(): Promise<void> {
    try {
      await this.unbind();
    } finally {
      this.#server?.close();
      this.#server = undefined;
    }
  }
}
