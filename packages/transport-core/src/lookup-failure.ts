import { closeSync, openSync } from 'node:fs';
import { errorCodeOf } from './errno.js';

/**
 * Why a host name was not resolved. Without a descriptor to ask anybody with, getaddrinfo(3) says that there is no such name:
 * whether there is one left, an attempt to open one tells.
 */
export function lookupFailure<E>(error: E): E | Error {
  if (errorCodeOf(error) !== 'DNS_FAILURE') return error;
  try {
    // A file that there is: that of Node itself.
    closeSync(openSync(process.execPath, 'r'));
    return error;
  } catch (cause) {
    if (errorCodeOf(cause) !== 'RESOURCE_EXHAUSTED') return error;
    return new Error('the host name can not be resolved without a free descriptor', { cause });
  }
}
