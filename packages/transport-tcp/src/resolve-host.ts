import { isIP } from 'node:net';
import { lookupFailure } from '@rpcplugin/transport-core';

/** One address of a host. */
export interface HostAddress {
  readonly address: string;
  readonly family: number;
}

/**
 * The addresses of a host, by the platform's resolver (getaddrinfo(3)) and in its order. That can not be interrupted: when
 * `signal` fires the result is no longer waited for.
 */
export async function resolveHost(host: string, signal: AbortSignal): Promise<HostAddress[]> {
  const family = isIP(host);
  if (family !== 0) return [{ address: host, family }];
  // Not needed for addresses, and slow to load.
  const { lookup } = await import('node:dns');
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', onAbort);
    lookup(host, { all: true }, (error, addresses) => {
      signal.removeEventListener('abort', onAbort);
      if (error === null) resolve(addresses);
      else reject(lookupFailure(error));
    });
  });
}

/** Alternates between the families, beginning with the one that comes first (RFC 8305, section 4). */
export function interleaveFamilies(addresses: readonly HostAddress[]): HostAddress[] {
  const first = addresses.filter(({ family }) => family === addresses[0]?.family);
  const second = addresses.filter(({ family }) => family !== addresses[0]?.family);
  const longer = Math.max(first.length, second.length);
  return Array.from({ length: longer }, (_, i) => [first[i], second[i]])
    .flat()
    .filter((address) => address !== undefined);
}
