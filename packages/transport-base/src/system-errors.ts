import { isNativeError } from 'node:util/types';
import { show } from '@rpcplugin/printable';
import { TransportError } from '@rpcplugin/transport-core';
import type { TransportErrorCode } from '@rpcplugin/transport-core';

/** How a person can fix an error, by its code. */
export type Hints = Readonly<Partial<Record<TransportErrorCode, string>>>;

/** The code of what Node's permission model denies. */
const NODE_DENIES = 'ERR_ACCESS_DENIED';

/** Maps the codes of system errors (errno(3), getaddrinfo(3), Node's own) to those of `TransportError`. */
const systemErrors: readonly (readonly [code: TransportErrorCode, errnos: readonly string[]])[] = [
  // EEXIST: link(2) and mkfifo(3) report a taken name so.
  ['ADDRESS_IN_USE', ['EADDRINUSE', 'EEXIST']],
  ['ADDRESS_NOT_AVAILABLE', ['EADDRNOTAVAIL', 'EHOSTUNREACH', 'EHOSTDOWN', 'ENETUNREACH', 'ENETDOWN']],
  ['PERMISSION_DENIED', ['EACCES', 'EPERM', 'EROFS', NODE_DENIES]],
  ['PATH_TOO_LONG', ['ENAMETOOLONG']],
  // EPROTOTYPE: a socket, but not a stream socket, such as syslog's datagram socket.
  ['NOT_A_SOCKET', ['ENOTSOCK', 'EPROTOTYPE']],
  ['NOT_FOUND', ['ENOENT', 'ENOTDIR']],
  // ENXIO: a named pipe without a reader, see open(2).
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

const STARTING = 'Is the plugin running? Raise waitMs if it needs longer to start.';
const EXHAUSTED =
  'This process or machine is out of file descriptors, space or buffers. Free some or raise `ulimit -n`.';

/** How a person can fix a connect that failed. */
export const connectHints: Hints = {
  NOT_FOUND: `Nothing exists at this endpoint. ${STARTING}`,
  CONNECTION_REFUSED: `Nothing accepts connections at this endpoint. ${STARTING}`,
  PERMISSION_DENIED: 'This user may not connect. Check the mode and group of the socket and its directories.',
  NOT_A_SOCKET: 'The path is not a stream socket. Check it.',
  TIMEOUT: 'No connection was accepted. Is the other side alive? Raise timeoutMs if it needs longer.',
  RESOURCE_EXHAUSTED: EXHAUSTED,
};

/** The same for a host that is connected to, in addition. */
export const hostHints: Hints = {
  ADDRESS_NOT_AVAILABLE: 'This machine has no route to the host. Check the host.',
  DNS_FAILURE: 'Check the spelling of the host name and that this machine can resolve names, or give an IP address.',
};

/** How a person can fix a listen that failed. */
export const listenHints: Hints = {
  ADDRESS_IN_USE: 'Another process listens there. Stop it, or choose another address.',
  PERMISSION_DENIED: 'This user may not listen there. Choose another port or directory, or change its permissions.',
  NOT_FOUND: 'Part of the path is missing or is not a directory. Check the path.',
  UNSUPPORTED: 'This machine does not support this kind of address. Use another host or file system.',
  RESOURCE_EXHAUSTED: EXHAUSTED,
};

/** The `code` property of a system error, such as `ECONNREFUSED`; `undefined` for anything else. */
export function errnoOf(error: unknown): string | undefined {
  if (!isError(error) || !('code' in error) || typeof error.code !== 'string') return undefined;
  // A disk quota is exceeded. Node 20 has no name for the number.
  return 'errno' in error && error.errno === -122 ? 'EDQUOT' : error.code;
}

/**
 * The `TransportError` code for any error: its own, that of its errno, that of the errors it aggregates, else that of
 * its cause; `IO` if none of them has one.
 */
export function errorCodeOf(error: unknown): TransportErrorCode {
  return knownCodeOf(error, new Set()) ?? 'IO';
}

function knownCodeOf(error: unknown, seen: Set<unknown>): TransportErrorCode | undefined {
  // Causes can be circular.
  if (!isError(error) || seen.has(error)) return undefined;
  seen.add(error);
  if (TransportError.isInstance(error)) return error.code;
  if (isAggregate(error)) {
    // A missing route says the least about a host with several addresses: many machines have no IPv6.
    const codes = error.errors.map((each) => knownCodeOf(each, seen)).filter((code) => code !== undefined);
    const code = codes.find((each) => each !== 'ADDRESS_NOT_AVAILABLE') ?? codes[0];
    if (code !== undefined) return code;
  }
  const errno = errnoOf(error) ?? '';
  return systemErrors.find(([, errnos]) => errnos.includes(errno))?.[0] ?? knownCodeOf(error.cause, seen);
}

/**
 * A `TransportError` for any error, which becomes its cause. A `TransportError` stays as it is, apart from an
 * endpoint or hint that it lacks.
 *
 * @param failure - What failed, such as `connect to 127.0.0.1:1`. The message continues with that of the error.
 */
export function toTransportError(
  error: unknown,
  failure: string,
  endpoint?: string,
  hints: Hints = {},
): TransportError {
  if (TransportError.isInstance(error)) return complete(error, endpoint, hints[error.code]);
  const code = errorCodeOf(error);
  // The permissions of files do not matter then.
  const hint = errnoOf(error) === NODE_DENIES ? "Allow it by the options of Node's permission model." : hints[code];
  return new TransportError(code, `${failure}: ${messageOf(error)}`, { endpoint, hint, cause: error });
}

/** A copy with the endpoint or hint that the error lacks. Errors are not changed: another caller may hold them. */
function complete(error: TransportError, endpoint: string | undefined, hint: string | undefined): TransportError {
  const isComplete = (error.endpoint ?? endpoint) === error.endpoint && (error.hint ?? hint) === error.hint;
  if (isComplete) return error;
  const completed = new TransportError(error.code, error.message, {
    endpoint: error.endpoint ?? endpoint,
    hint: error.hint ?? hint,
    cause: error.cause,
  });
  if (error.stack !== undefined) completed.stack = error.stack;
  return completed;
}

/** The message of any error. Node leaves that of an `AggregateError` empty, so it lists those of its errors. */
export function messageOf(error: unknown): string {
  if (isError(error) && isAggregate(error) && error.errors.length > 0) return error.errors.map(messageOf).join('; ');
  if (isError(error)) return error.message || (errnoOf(error) ?? error.name);
  return typeof error === 'string' ? error : show(error);
}

/** Whether it is an error of any realm. Under Jest, errors of Node's modules are from another realm than the code. */
function isError(value: unknown): value is Error {
  return value instanceof Error || isNativeError(value);
}

function isAggregate(error: Error): error is AggregateError {
  return 'errors' in error && Array.isArray(error.errors);
}
