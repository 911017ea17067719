import { inspect, types } from 'node:util';
import { TransportError } from './errors.js';
import type { TransportErrorCode } from './errors.js';

/** The one table from the codes of system errors (errno(3), getaddrinfo(3), Node's own) to those of `TransportError`. */
const codes: ReadonlyMap<string | undefined, TransportErrorCode> = new Map(
  Object.entries<TransportErrorCode>({
    EADDRINUSE: 'ADDRESS_IN_USE',
    // A name to listen at, as with link(2) or mkfifo(3).
    EEXIST: 'ADDRESS_IN_USE',
    EADDRNOTAVAIL: 'ADDRESS_NOT_AVAILABLE',
    EHOSTUNREACH: 'ADDRESS_NOT_AVAILABLE',
    EHOSTDOWN: 'ADDRESS_NOT_AVAILABLE',
    ENETUNREACH: 'ADDRESS_NOT_AVAILABLE',
    ENETDOWN: 'ADDRESS_NOT_AVAILABLE',
    EACCES: 'PERMISSION_DENIED',
    EPERM: 'PERMISSION_DENIED',
    EROFS: 'PERMISSION_DENIED',
    ENAMETOOLONG: 'PATH_TOO_LONG',
    ENOTSOCK: 'NOT_A_SOCKET',
    // A socket, but not a stream socket, as with a datagram socket like syslog's.
    EPROTOTYPE: 'NOT_A_SOCKET',
    ENOENT: 'NOT_FOUND',
    ENOTDIR: 'NOT_FOUND',
    ECONNREFUSED: 'CONNECTION_REFUSED',
    // A named pipe that nobody reads: see open(2).
    ENXIO: 'CONNECTION_REFUSED',
    ENOTFOUND: 'DNS_FAILURE',
    EAI_AGAIN: 'DNS_FAILURE',
    EAI_FAIL: 'DNS_FAILURE',
    EAI_NODATA: 'DNS_FAILURE',
    EAI_NONAME: 'DNS_FAILURE',
    EAI_MEMORY: 'RESOURCE_EXHAUSTED',
    ETIMEDOUT: 'TIMEOUT',
    ERR_SOCKET_CONNECTION_TIMEOUT: 'TIMEOUT',
    ABORT_ERR: 'ABORTED',
    EMFILE: 'RESOURCE_EXHAUSTED',
    ENFILE: 'RESOURCE_EXHAUSTED',
    ENOMEM: 'RESOURCE_EXHAUSTED',
    ENOBUFS: 'RESOURCE_EXHAUSTED',
    ENOSPC: 'RESOURCE_EXHAUSTED',
    EDQUOT: 'RESOURCE_EXHAUSTED',
    EAGAIN: 'RESOURCE_EXHAUSTED',
    EAFNOSUPPORT: 'UNSUPPORTED',
    EPROTONOSUPPORT: 'UNSUPPORTED',
    EOPNOTSUPP: 'UNSUPPORTED',
    ENOTSUP: 'UNSUPPORTED',
    EINVAL: 'INVALID_ARGUMENT',
    ERR_INVALID_ARG_TYPE: 'INVALID_ARGUMENT',
    ERR_INVALID_ARG_VALUE: 'INVALID_ARGUMENT',
    ERR_OUT_OF_RANGE: 'INVALID_ARGUMENT',
    ERR_SOCKET_BAD_PORT: 'INVALID_ARGUMENT',
  }),
);

/** The `code` property of a system error, such as `ECONNREFUSED`; `undefined` for anything else. */
export function errnoOf(error: unknown): string | undefined {
  return isError(error) && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/**
 * The `TransportError` code for any error: its own, that of its errno, that of what it aggregates, else that of its cause;
 * `IO` if none of them says.
 */
export function errorCodeOf(error: unknown): TransportErrorCode {
  return knownCodeOf(error, new Set()) ?? 'IO';
}

function knownCodeOf(error: unknown, seen: Set<unknown>): TransportErrorCode | undefined {
  // Causes can form a circle.
  if (!isError(error) || seen.has(error)) return undefined;
  seen.add(error);
  if (TransportError.isInstance(error)) return error.code;
  if (isAggregate(error)) {
    // Of several addresses, one without a route says the least: many machines have no IPv6.
    const members = error.errors.map((member) => knownCodeOf(member, seen)).filter((code) => code !== undefined);
    const code = members.find((member) => member !== 'ADDRESS_NOT_AVAILABLE') ?? members[0];
    if (code !== undefined) return code;
  }
  return codes.get(errnoOf(error)) ?? knownCodeOf(error.cause, seen);
}

/**
 * A `TransportError` for any error, with the error as its cause; one that is a `TransportError` already is returned as it is.
 *
 * @param error - What was thrown.
 * @param failure - What failed, such as `connect to 127.0.0.1:1`; the message continues it with the error's own.
 * @param hints - What a person can do about it, by code.
 */
export function toTransportError(
  error: unknown,
  failure: string,
  endpoint?: string,
  hints: Partial<Record<TransportErrorCode, string>> = {},
): TransportError {
  if (TransportError.isInstance(error)) return error;
  const code = errorCodeOf(error);
  return new TransportError(code, `${failure}: ${describe(error)}`, { endpoint, hint: hints[code], cause: error });
}

/** Node leaves the message of an `AggregateError` of several addresses empty: list what happened at each. */
function describe(error: unknown): string {
  if (isError(error) && isAggregate(error) && error.errors.length > 0) return error.errors.map(describe).join('; ');
  if (isError(error)) return error.message || (errnoOf(error) ?? error.name);
  return typeof error === 'string' ? error : inspect(error);
}

/** Whether it is an error of any realm: under Jest those of Node's own modules are of another than the code that it runs. */
function isError(value: unknown): value is Error {
  return value instanceof Error || types.isNativeError(value);
}

function isAggregate(error: Error): error is AggregateError {
  return 'errors' in error && Array.isArray(error.errors);
}
