import { TransportError } from '@rpcplugin/transport-core';
import { expect } from 'vitest';

/** The error of `call`, which must be this package's one kind. */
export function refusal(call: () => unknown): TransportError {
  try {
    call();
  } catch (error) {
    expect(error).toBeInstanceOf(TransportError);
    expect(error).toMatchObject({ code: 'INVALID_ENDPOINT', hint: expect.any(String) as string });
    return error as TransportError;
  }
  throw new Error('nothing was thrown');
}

/** Whether `call` returned; a refusal is the only other thing that it may do. */
export function returns(call: () => unknown): boolean {
  try {
    call();
    return true;
  } catch (error) {
    if (error instanceof TransportError && error.code === 'INVALID_ENDPOINT') return false;
    throw error;
  }
}
