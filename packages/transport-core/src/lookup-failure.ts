import { open } from 'node:fs/promises';
import { devNull } from 'node:os';
import { errorCodeOf } from './errno.js';

/**
 * Why a host name was not resolved. Without a descriptor to ask anybody with, getaddrinfo(3) says that there is no such name:
 * whether there is one left, an attempt to open one tells.
 */
export async function lookupFailure(error: unknown): Promise<unknown> {
  if (errorCodeOf(error) !== 'DNS_FAILURE') return error;
  try {
    const file = await open(devNull);
    await file.close();
    return error;
  } catch (cause) {
    if (errorCodeOf(cause) !== 'RESOURCE_EXHAUSTED') return error;
    return new Error('the host name can not be resolved without a free descriptor', { cause });
  }
}
