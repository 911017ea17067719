import { thrownBy } from '@rpcplugin/test-support';
import { TransportError } from '@rpcplugin/transport-core';
import { expect } from 'vitest';

/** Expects that a call throws this package's only kind of error, and returns it. */
export function expectInvalid(call: () => unknown): TransportError {
  const error = thrownBy(call);
  expect(error).toMatchObject({ code: 'INVALID_ENDPOINT', hint: expect.any(String) as string });
  return error;
}

/** Whether a call returns. `INVALID_ENDPOINT` makes it false; any other error is thrown on. */
export function accepts(call: () => unknown): boolean {
  try {
    call();
    return true;
  } catch (error) {
    if (error instanceof TransportError && error.code === 'INVALID_ENDPOINT') return false;
    throw error;
  }
}
