import { show, TransportError } from '@rpcplugin/transport-core';

/** What is wrong, as a clause: “it has no port”; and what to write instead, as another. */
export type Refusal = readonly [problem: string, advice: string];

/**
 * The one error of this package.
 *
 * @param value what was refused; its text becomes the error's `endpoint`
 */
export function invalidEndpoint(value: unknown, ...[problem, advice]: Refusal): TransportError {
  return new TransportError('INVALID_ENDPOINT', `Invalid endpoint ${show(value)}: ${problem}`, {
    endpoint: typeof value === 'string' ? value : undefined,
    hint: `${problem}: ${advice}`,
  });
}

/** Callers without types pass anything. @throws TransportError `INVALID_ENDPOINT` */
export function assertText(value: unknown): asserts value is string {
  if (typeof value !== 'string') throw invalidEndpoint(value, 'it is not a string', 'write it as text');
}

/** Callers without types pass anything. @throws TransportError `INVALID_ENDPOINT` */
export function assertObject(value: unknown): asserts value is object {
  if (typeof value !== 'object' || value === null) {
    throw invalidEndpoint(value, 'it is not an object', 'pass an object with the documented fields');
  }
}

/** The error for a network that no endpoint has. */
export function unknownNetwork(network: unknown): TransportError {
  return invalidEndpoint(network, 'unknown network', "use 'tcp' or 'unix'");
}
