import { isNativeError } from 'node:util/types';
import { TransportError } from './errors.js';
import type { TransportErrorCode } from './errors.js';
import type { Hints } from './hints.js';
import { show } from './quote.js';

/** The one table of what codes of system errors (errno(3), getaddrinfo(3), Node's own) are in terms of `TransportError`. */
const systemErrors: readonly (readonly [code: TransportErrorCode, errnos: readonly string[]])[] = [
  // EEXIST: a name to listen at, as with link(2) or mkfifo(3).
  ['ADDRESS_IN_USE', ['EADDRINUSE', 'EEXIST']],
  ['ADDRESS_NOT_AVAILABLE', ['EADDRNOTAVAIL', 'EHOSTUNREACH', 'EHOSTDOWN', 'ENETUNREACH', 'ENETDOWN']],
  ['PERMISSION_DENIED', ['EACCES', 'EPERM', 'EROFS']],
  ['PATH_TOO_LONG', ['ENAMETOOLONG']],
  // EPROTOTYPE: a socket, but not a stream socket, as with a datagram socket like syslog's.
  ['NOT_A_SOCKET', ['ENOTSOCK', 'EPROTOTYPE']],
  ['NOT_FOUND', ['ENOENT', 'ENOTDIR']],
  // ENXIO: a named pipe that nobody reads, see open(2).
  ['CONNECTION_REFUSED', ['ECONNREFUSED', 'ENXIO']],
  ['DNS_FAILURE', ['ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL', 'EAI_NODATA', 'EAI_NONAME']],
  ['TIMEOUT', ['ETIMEDOUT', 'ERR_SOCKET_CONNECTION_TIMEOUT']],
  ['ABORTED', ['ABORT_ERR']],
  ['RESOURCE_EXHAUSTED', ['EMFILE', 'ENFILE', 'ENOMEM', 'ENOBUFS', 'ENOSPC', 'EDQUOT', 'EAGAIN', 'EAI_MEMORY']],
  ['UNSUPPORTED', ['EAFNOSUPPORT', 'EPROTONOSUPPORT', 'EOPNOTSUPP', 'ENOTSUP']],
  [
    'INVALID_ARGUMENT',
    ['EINVAL', 'ERR_INVALID_ARG_TYPE', 'ERR_INVALID_ARG_VALUE', 'ERR_OUT_OF_RANGE', 'ERR_SOCKET_BAD_PORT'],
  ],
];

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
  const errno = errnoOf(error) ?? '';
  return systemErrors.find(([, errnos]) => errnos.includes(errno))?.[0] ?? knownCodeOf(error.cause, seen);
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
  hints: Hints = {},
): TransportError {
  if (TransportError.isInstance(error)) return error;
  const code = errorCodeOf(error);
  return new TransportError(code, `${failure}: ${messageOf(error)}`, { endpoint, hint: hints[code], cause: error });
}

/** Node leaves the message of an `AggregateError` of several addresses empty: list what happened at each. */
/** What an error says; all of them, of an `AggregateError`. */
export function messageOf(error: unknown): string {
  if (isError(error) && isAggregate(error) && error.errors.length > 0) return error.errors.map(messageOf).join('; ');
  if (isError(error)) return error.message || (errnoOf(error) ?? error.name);
  return typeof error === 'string' ? error : show(error);
}

/** Whether it is an error of any realm: under Jest those of Node's own modules are of another than the code that it runs. */
function isError(value: unknown): value is Error {
  return value instanceof Error || isNativeError(value);
}

function isAggregate(error: Error): error is AggregateError {
  return 'errors' in error && Array.isArray(error.errors);
}
