import type { Duplex } from 'node:stream';

export interface ListenOptions<C extends Duplex = Duplex> {
  /**
   * Gets each accepted connection once, synchronously, before any of its data flows: attach listeners, pipe it, or hand
   * it to `http`, `http2`, `tls`. If it throws or rejects, that connection is destroyed and nothing else happens.
   * Default: input is discarded, and a connection ends when its peer ends it.
   */
  onConnection?: ((connection: C) => void | Promise<void>) | undefined;
  /** Gives up a pending `listen` (`ABORTED`). Does nothing once it has settled. */
  signal?: AbortSignal | undefined;
  /** Whether an accepted connection stays writable after its peer ended (see `net.Server`). Default: `false`. */
  allowHalfOpen?: boolean | undefined;
}

export interface ConnectOptions {
  /** Gives up a pending `connect` (`ABORTED`). Does nothing once it has settled. */
  signal?: AbortSignal | undefined;
  /** Bounds the whole call, in milliseconds (`TIMEOUT`). `Infinity` means no bound. Default: 5000. */
  timeoutMs?: number | undefined;
  /**
   * For how many milliseconds of `timeoutMs` an endpoint that is missing or refuses is tried again, as one is that a
   * plugin is about to open. Default: that of the transport; unix 1000, TCP 0.
   */
  waitMs?: number | undefined;
  /** Whether the connection stays writable after its peer ended (see `net.Socket`). Default: `false`. */
  allowHalfOpen?: boolean | undefined;
}

export interface CloseOptions {
  /**
   * For how many milliseconds connections may take to end by themselves; what is left then is destroyed. `Infinity`
   * means for ever. A call while a close is under way can shorten its grace, never lengthen it. Default: 5000.
   */
  graceMs?: number | undefined;
}

/**
 * Offers an address and accepts connections on it, reaches addresses of the same kind, and ends all of that.
 *
 * A transport may listen and connect, both at once too. It is used once: after {@link close} it stays closed.
 * Every rejection is a `TransportError`.
 *
 * @typeParam C - What a connection is. Transports made of sockets hand over `net.Socket`s.
 */
export interface Transport<C extends Duplex = Duplex> extends AsyncDisposable {
  /** The go-plugin name of the network: `tcp`, `unix`, … */
  readonly network: string;

  /** The canonical endpoint of the listener, else of the last successful `connect`; `undefined` after `close`. */
  readonly endpoint: string | undefined;

  /**
   * Starts listening. Resolves once the address accepts connections, with the endpoint to hand to peers.
   *
   * Rejects with `ADDRESS_IN_USE`, `ADDRESS_NOT_AVAILABLE`, `PERMISSION_DENIED`, `ALREADY_LISTENING`, `ABORTED`,
   * `CLOSED`, `INVALID_ARGUMENT` and whatever the transport's kind of address adds. Then nothing stays bound.
   */
  listen(options?: ListenOptions<C>): Promise<string>;

  /**
   * Connects to an endpoint of the transport's network.
   *
   * Rejects with `INVALID_ENDPOINT` before any I/O, else with `NOT_FOUND`, `CONNECTION_REFUSED`, `TIMEOUT`, `ABORTED`,
   * `CLOSED`, `INVALID_ARGUMENT` and whatever the transport's kind of address adds. Then no socket stays behind.
   */
  connect(endpoint: string, options?: ConnectOptions): Promise<C>;

  /**
   * Gives up the address, so that another listener can have it, and keeps the connections. A pending `listen` rejects
   * with `CLOSED`. Idempotent. Rejects only if the operating system would not let go of the address.
   */
  stopListening(): Promise<void>;

  /**
   * Gives up the address and ends every connection: what was written before arrives at a peer that reads, unread input is
   * discarded, and what is left after `graceMs` is destroyed. Whoever writes to a connection after that destroys it, as streams have it. Pending calls and all later ones reject with `CLOSED`.
   * Idempotent; concurrent callers share one outcome.
   */
  close(options?: CloseOptions): Promise<void>;
}
