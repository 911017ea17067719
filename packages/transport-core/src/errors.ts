/**
 * What went wrong, for programs to match on. A code keeps its meaning; minor releases may add codes.
 *
 * - `INVALID_ENDPOINT`: an endpoint that is malformed or of another network.
 * - `INVALID_ARGUMENT`: an option, port, path, environment variable or handshake line that cannot be used.
 * - `UNSUPPORTED`: not available on this platform, or no transport, version or protocol in common.
 * - `ADDRESS_IN_USE`: another listener has the address.
 * - `ADDRESS_NOT_AVAILABLE`: not an address of this machine, or no route to it.
 * - `PERMISSION_DENIED`: the operating system denies access to the address, directory, mode or group, or the peer is
 *   not one of the proxies that may connect.
 * - `PATH_TOO_LONG`: a socket path that does not fit the platform's `sun_path`.
 * - `NOT_A_SOCKET`: the path exists but is not a stream socket. It was not touched.
 * - `NOT_FOUND`: the path does not exist.
 * - `CONNECTION_REFUSED`: the address exists but nothing accepts connections on it.
 * - `DNS_FAILURE`: the host name has no address, or the resolver did not answer.
 * - `TIMEOUT`: the time limit passed.
 * - `ABORTED`: the caller's `AbortSignal` fired; its reason is the `cause`.
 * - `ALREADY_LISTENING`: the transport is listening already.
 * - `CLOSED`: the transport was closed, or has had its only connection.
 * - `RESOURCE_EXHAUSTED`: out of file descriptors, memory, buffers or room in a backlog.
 * - `IO`: any other failure of the operating system or the peer.
 */
export type TransportErrorCode =
  | 'INVALID_ENDPOINT'
  | 'INVALID_ARGUMENT'
  | 'UNSUPPORTED'
  | 'ADDRESS_IN_USE'
  | 'ADDRESS_NOT_AVAILABLE'
  | 'PERMISSION_DENIED'
  | 'PATH_TOO_LONG'
  | 'NOT_A_SOCKET'
  | 'NOT_FOUND'
  | 'CONNECTION_REFUSED'
  | 'DNS_FAILURE'
  | 'TIMEOUT'
  | 'ABORTED'
  | 'ALREADY_LISTENING'
  | 'CLOSED'
  | 'RESOURCE_EXHAUSTED'
  | 'IO';

/** What a `TransportError` holds besides its code and message. */
export interface TransportErrorOptions {
  /** The endpoint, address or path that the error is about. */
  readonly endpoint?: string | undefined;
  /** How a person can fix it. */
  readonly hint?: string | undefined;
  /** The system error or abort reason underneath. */
  readonly cause?: unknown;
}

// A registered symbol is shared by all copies of this package, so that they recognize each other's errors.
const BRAND = Symbol.for('@rpcplugin/transport-core.TransportError');

/** What every call of a transport rejects with. Match on {@link TransportError.code | `code`}, not on the message. */
export class TransportError extends Error {
  /** What went wrong. */
  readonly code: TransportErrorCode;
  // `declare`: a field that was not given is absent, not `undefined`.
  /** The endpoint, address or path that the error is about, if known. */
  declare readonly endpoint?: string;
  /** How a person can fix it, if there is a way. */
  declare readonly hint?: string;

  constructor(code: TransportErrorCode, message: string, options: TransportErrorOptions = {}) {
    // Node prints a `cause` property even if it is undefined, so leave it out.
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    if (options.endpoint !== undefined) this.endpoint = options.endpoint;
    if (options.hint !== undefined) this.hint = options.hint;
  }

  /** Whether `value` is a `TransportError`, including one from another copy of this package. */
  static isInstance(value: unknown): value is TransportError {
    return typeof value === 'object' && value !== null && BRAND in value;
  }

  /** Makes `instanceof TransportError` agree with {@link isInstance}; subclasses keep the usual rule. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    // Bundlers rename a class that names itself, and Node prints the name.
    return Object.hasOwn(this, 'isInstance') ? this.isInstance(value) : super[Symbol.hasInstance](value);
  }
}

Object.defineProperties(TransportError.prototype, { name: { value: 'TransportError' }, [BRAND]: { value: true } });
