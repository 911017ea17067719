import type { Duplex } from 'node:stream';

/**
 * What a transport knows about an accepted connection beside the stream itself. It is empty unless a proxy in front of
 * the transport has told more.
 */
export interface ConnectionInfo {
  /**
   * The endpoint of the client whose connection the proxy forwards, such as `192.0.2.1:56324`. `undefined` if the peer
   * of the connection is the client, if the proxy connected on its own behalf, or if it does not know the client.
   */
  readonly client?: string | undefined;
  /** The endpoint of the proxy to which the client connected. `undefined` like {@link client}. */
  readonly destination?: string | undefined;
}

/** Options of `listen`. */
export interface ListenOptions<C extends Duplex = Duplex> {
  /**
   * Receives each accepted connection once, synchronously, before any of its data flows: attach listeners, pipe it, or
   * pass it to `http`, `http2` or `tls`. The second argument is what is known about the connection. If it throws, or
   * returns a promise that rejects, that connection alone is destroyed. Any other return value is ignored. Default:
   * discards input, and ends the connection when its peer does.
   */
  readonly onConnection?: ((connection: C, info: ConnectionInfo) => unknown) | undefined;
  /** Cancels a pending `listen` (`ABORTED`). Has no effect once it has settled. */
  readonly signal?: AbortSignal | undefined;
  /** Whether an accepted connection stays writable after its peer ended (see `net.Server`). Default: `false`. */
  readonly allowHalfOpen?: boolean | undefined;
  /**
   * Whether connections are accepted paused: nothing is read from one before it is resumed, piped or read, not even its
   * end. A socket can then be handed to another process without a loss, with `child.send`. Such a connection is no
   * longer the transport's: `close` neither ends it nor waits for it. Only with `onConnection`. Default: `false`.
   */
  readonly pauseOnConnect?: boolean | undefined;
}

/** Options of `connect`. */
export interface ConnectOptions {
  /** Cancels a pending `connect` (`ABORTED`). Has no effect once it has settled. */
  readonly signal?: AbortSignal | undefined;
  /** Time limit for the whole call, in milliseconds (`TIMEOUT`). `Infinity` means none. Default: 5000. */
  readonly timeoutMs?: number | undefined;
  /**
   * How long, in milliseconds and within `timeoutMs`, to retry an endpoint that is missing or refuses, such as one that
   * a starting plugin is about to open. Default: that of the transport; unix 1000, TCP 0.
   */
  readonly waitMs?: number | undefined;
  /** Whether the connection stays writable after its peer ended (see `net.Socket`). Default: `false`. */
  readonly allowHalfOpen?: boolean | undefined;
  /** Whether the connection is paused, as {@link ListenOptions.pauseOnConnect} says. Default: `false`. */
  readonly pauseOnConnect?: boolean | undefined;
}

/** Options of `close`. */
export interface CloseOptions {
  /**
   * The grace period in milliseconds: how long connections may take to end by themselves before they are destroyed.
   * `Infinity` means no limit. While a close is in progress, another call can shorten its grace period but not lengthen
   * it. Default: 5000.
   */
  readonly graceMs?: number | undefined;
}

/**
 * Listens on an address, connects to addresses of the same network, and closes both.
 *
 * A transport may listen and connect, at the same time too. It is used once: after {@link close} it stays closed. Every
 * rejection is a `TransportError`.
 *
 * @typeParam C - What a connection is. Socket transports use `net.Socket`.
 */
export interface Transport<C extends Duplex = Duplex> extends AsyncDisposable {
  /** The go-plugin name of the network: `tcp`, `unix`, … */
  readonly network: string;

  /** The canonical endpoint of the listener, else of the last successful `connect`; `undefined` after `close`. */
  readonly endpoint: string | undefined;

  /**
   * Starts listening. Resolves once the address accepts connections, with the endpoint to give to peers.
   *
   * Rejects with `ADDRESS_IN_USE`, `ADDRESS_NOT_AVAILABLE`, `PERMISSION_DENIED`, `ALREADY_LISTENING`, `ABORTED`,
   * `CLOSED`, `INVALID_ARGUMENT`, or a code that the transport adds. Nothing stays bound then.
   */
  listen(options?: ListenOptions<C>): Promise<string>;

  /**
   * Connects to an endpoint of the transport's network.
   *
   * Rejects with `INVALID_ENDPOINT` before any I/O, or with `NOT_FOUND`, `CONNECTION_REFUSED`, `TIMEOUT`, `ABORTED`,
   * `CLOSED`, `INVALID_ARGUMENT`, or a code that the transport adds. No socket stays open then.
   */
  connect(endpoint: string, options?: ConnectOptions): Promise<C>;

  /**
   * Releases the address for another listener and keeps the connections. A pending `listen` rejects with `CLOSED`.
   * Idempotent. Rejects only if the operating system refuses to release the address.
   */
  stopListening(): Promise<void>;

  /**
   * Releases the address and ends every connection. Data written before `close` reaches a peer that reads; unread input
   * is discarded; connections still open after `graceMs` are destroyed. Writing after `close` destroys the connection.
   * Pending and later calls reject with `CLOSED`. Idempotent; concurrent callers share one outcome.
   */
  close(options?: CloseOptions): Promise<void>;
}
