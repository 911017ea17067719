/**
 * What went wrong, for programs to match on. The codes are stable across releases.
 *
 * - `INVALID_ENDPOINT`: endpoint text that is malformed or of another network than the transport's.
 * - `INVALID_ARGUMENT`: an option, port, path or environment variable that can not be used.
 * - `UNSUPPORTED`: not available on this platform, or no transport in common.
 * - `ADDRESS_IN_USE`: somebody else holds the address to listen on.
 * - `ADDRESS_NOT_AVAILABLE`: the address is not one of this machine's, or no route leads to it.
 * - `PERMISSION_DENIED`: the operating system refuses the address, directory, mode or group.
 * - `PATH_TOO_LONG`: a socket path longer than the platform's `sun_path` holds.
 * - `NOT_A_SOCKET`: something that is not a stream socket stands at the path. It was not touched.
 * - `NOT_FOUND`: nothing stands at the path.
 * - `CONNECTION_REFUSED`: the address exists, and nobody accepts connections on it.
 * - `DNS_FAILURE`: the host name has no address, or the resolver did not answer.
 * - `TIMEOUT`: the time limit passed.
 * - `ABORTED`: the caller's `AbortSignal` fired; its reason is the `cause`.
 * - `ALREADY_LISTENING`: the transport listens already.
 * - `CLOSED`: the transport was closed.
 * - `RESOURCE_EXHAUSTED`: out of descriptors, memory, buffers or room in a backlog.
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

export interface TransportErrorOptions {
  /** The endpoint, address or path that the error is about. */
  endpoint?: string | undefined;
  /** What a person can do about it. */
  hint?: string | undefined;
  /** The system error or abort reason underneath. */
  cause?: unknown;
}

// A registered symbol is the same in every copy of this package, so a check for it holds across copies.
const BRAND = Symbol.for('@rpcplugin/transport-core.TransportError');

/** Every rejection of a transport is one of these. Match on {@link TransportError.code | `code`}, not on the message. */
export class TransportError extends Error {
  readonly code: TransportErrorCode;
  // `declare`, so that one that is not given is not there, rather than there and undefined.
  /** The endpoint, address or path that the error is about, where one is known. */
  declare readonly endpoint?: string;
  /** What a person can do about it, where there is something. */
  declare readonly hint?: string;

  constructor(code: TransportErrorCode, message: string, options: TransportErrorOptions = {}) {
    // An own `cause` of undefined would be printed; leave it out.
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    if (options.endpoint !== undefined) this.endpoint = options.endpoint;
    if (options.hint !== undefined) this.hint = options.hint;
  }

  /** Whether `value` is a `TransportError`, also one made by another copy of this package. */
  static isInstance(value: unknown): value is TransportError {
    return typeof value === 'object' && value !== null && BRAND in value;
  }

  /** Makes `instanceof TransportError` agree with {@link isInstance}; subclasses keep the usual rule. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return this === TransportError ? TransportError.isInstance(value) : super[Symbol.hasInstance](value);
  }
}

Object.defineProperties(TransportError.prototype, { name: { value: 'TransportError' }, [BRAND]: { value: true } });
