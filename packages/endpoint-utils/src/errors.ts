import { show } from '@rpcplugin/printable';
import { TransportError } from '@rpcplugin/transport-core';

/** What is wrong, as a clause in lower case for the message; what to do about it, as full sentences for the hint. */
export type Problem = readonly [what: string, advice: string];

/**
 * The error for what is not an endpoint, or cannot be converted: a `TransportError` with the code `INVALID_ENDPOINT`.
 *
 * @param value the rejected value; if it is a string, it becomes the error's `endpoint`
 */
export function invalidEndpoint(value: unknown, ...[what, advice]: Problem): TransportError {
  return new TransportError('INVALID_ENDPOINT', `invalid endpoint ${show(value)}: ${what}`, {
    endpoint: typeof value === 'string' ? value : undefined,
    hint: `${what.charAt(0).toUpperCase()}${what.slice(1)}. ${advice}`,
  });
}

/** For callers without types. @throws TransportError `INVALID_ENDPOINT` unless the value is a string */
export function assertString(value: unknown): asserts value is string {
  if (typeof value !== 'string') throw invalidEndpoint(value, 'it is not a string', 'Pass a string.');
}

/** For callers without types. @throws TransportError `INVALID_ENDPOINT` unless the value is an object */
export function assertObject(value: unknown): asserts value is object {
  if (typeof value !== 'object' || value === null) {
    throw invalidEndpoint(value, 'it is not an object', 'Pass an object with the documented fields.');
  }
}

/** The error for a network other than `tcp` and `unix`. */
export function unknownNetwork(network: unknown): TransportError {
  return invalidEndpoint(network, 'the network is unknown', "Use 'tcp' or 'unix'.");
}
