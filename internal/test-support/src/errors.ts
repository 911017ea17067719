import { TransportError } from '@rpcplugin/transport-core';

/** The `TransportError` that a promise rejects with. Any other outcome fails. */
export async function rejectionOf(promise: Promise<unknown>): Promise<TransportError> {
  return asTransportError(await anyRejectionOf(promise));
}

/** The value that a promise rejects with. */
export async function anyRejectionOf(promise: Promise<unknown>): Promise<unknown> {
  let value: unknown;
  try {
    value = await promise;
  } catch (error) {
    return error;
  }
  throw new Error('expected a rejection, but the promise resolved', { cause: value });
}

/** The `code` of the error that a promise rejects with. */
export async function codeOf(promise: Promise<unknown>): Promise<unknown> {
  const error = await anyRejectionOf(promise);
  if (error instanceof Error && 'code' in error) return error.code;
  throw new Error('expected an error with a code', { cause: error });
}

/** The `TransportError` that a call throws. Any other outcome fails. */
export function thrownBy(action: () => unknown): TransportError {
  let value: unknown;
  try {
    value = action();
  } catch (error) {
    return asTransportError(error);
  }
  throw new Error('expected an exception, but the call returned', { cause: value });
}

function asTransportError(error: unknown): TransportError {
  if (TransportError.isInstance(error)) return error;
  throw new Error('expected a TransportError', { cause: error });
}
