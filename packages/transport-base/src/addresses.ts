import type { ServerOpts, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ConnectionInfo, DropMessage, TransportError } from '@rpcplugin/transport-core';
import type { Operation } from './operation.js';
import type { Hints } from './system-errors.js';

/** What a `net.Server` listens on, and the TCP options of the connections that it accepts. */
export interface ListenAddress extends Pick<ServerOpts, 'noDelay' | 'keepAlive' | 'keepAliveInitialDelay'> {
  /** The path of a unix socket. */
  readonly path?: string;
  /** A host name or an IP address; to hold the socket, an IP address. */
  readonly host?: string;
  /** The port. 0 lets the system choose one. */
  readonly port?: number;
  /** The descriptor of a socket that listens already. */
  readonly fd?: number;
}

/** How to listen on one address. */
export interface Listener<C extends Duplex = Socket> {
  /** The endpoint, as far as it is known before the address is open: for errors. */
  readonly endpoint?: string | undefined;
  /** Hints for errors of this kind of address, by code, in addition to `listenHints`. */
  readonly hints?: Hints | undefined;
  /**
   * Opens the address and resolves with its canonical endpoint once it accepts connections. It defers what undoes each
   * step, so there is nothing to clean up when it rejects. It may throw any error.
   */
  open(context: ListenContext<C>): Promise<string>;
}

/** What a {@link Listener} has to work with. */
export interface ListenContext<C extends Duplex = Socket> {
  /**
   * To be called with each connection, synchronously, before any of its data flows. With a preparation, the handler
   * gets the connection once that is over.
   */
  readonly accept: (connection: C, preparation?: Preparation) => void;
  /** Reports a connection that was closed instead of accepted. */
  readonly drop: (reason: DropMessage['reason'], error?: TransportError) => void;
  /** Reports a connection that could not be accepted. */
  readonly acceptFailed: (error: unknown) => void;
  /** Publishes a warning on the diagnostics channel: listening goes on, but not as well as it should. */
  readonly warn: (what: string, cause?: unknown) => void;
  /** Whether accepted connections stay writable after their peer ended. */
  readonly allowHalfOpen: boolean;
  /** Whether accepted connections must not begin to read. The lifecycle pauses those that have not begun. */
  readonly pauseOnConnect?: boolean | undefined;
  /**
   * Given by `SocketTransport.hold`: the socket must listen without accepting, and this be called with its descriptor.
   * `listenSocket` does both.
   */
  readonly hold?: ((fd: number) => void) | undefined;
  /** Cancelled when the `listen` is. */
  readonly operation: Operation;
  /**
   * Adds a step that undoes what was done, to run before those added earlier: when `open` fails, when the transport
   * stops listening, or when the process exits, which does not wait for promises.
   */
  readonly defer: (undo: () => void | Promise<void>) => void;
}

/** What happens to a connection before its handler gets it. The connection is destroyed if it fails. */
export interface Preparation {
  /** What it does, for error messages, such as `receiving the greeting`. */
  readonly name: string;
  /** Its time limit in milliseconds (`TIMEOUT`). */
  readonly timeoutMs: number;
  /** The hint of its `TIMEOUT`, and of its `IO` if the connection closes. */
  readonly timeoutHint?: string | undefined;
  /** The reason to report if it fails. */
  readonly dropReason: DropMessage['reason'];
  /**
   * Prepares the connection and resolves with what is now known about it. It may throw any error. The operation is
   * cancelled when the time is up, when the connection closes, and when the transport does.
   */
  run(operation: Operation): Promise<ConnectionInfo>;
}

/** How to reach one endpoint. */
export interface Dialer<C extends Duplex = Socket> {
  /** The endpoint in its canonical form. */
  readonly endpoint: string;
  /** The default of `ConnectOptions.waitMs`, in milliseconds. Default: 0. */
  readonly waitMs?: number | undefined;
  /** The delay between two attempts at an endpoint that is missing or refuses, in milliseconds. Default: 10. */
  readonly retryMs?: number | undefined;
  /** The path of the endpoint's file, if it has one: attempts are made when that changes. */
  readonly path?: string | undefined;
  /** Hints for errors of this kind of address, by code, in addition to `connectHints`. */
  readonly hints?: Hints | undefined;
  /** Makes one attempt. No connection stays open when it rejects or is cancelled. It may throw any error. */
  attempt(context: DialContext): Promise<C>;
}

/** What a {@link Dialer} has to work with. */
export interface DialContext {
  /** Whether the connection stays writable after its peer ended. */
  readonly allowHalfOpen: boolean;
  /** Whether the connection must not begin to read. The lifecycle pauses one that has not begun. */
  readonly pauseOnConnect?: boolean | undefined;
  /** Cancelled when the `connect` is. */
  readonly operation: Operation;
}
