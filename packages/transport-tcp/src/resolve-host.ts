import { isIP } from 'node:net';
import { explainLookup } from '@rpcplugin/transport-base';
import type { Operation } from '@rpcplugin/transport-base';

/** One address of a host. */
export interface HostAddress {
  readonly address: string;
  readonly family: number;
}

/**
 * The addresses of a host, from the platform's resolver (getaddrinfo(3)) and in its order. A lookup cannot be
 * interrupted; if the operation is cancelled, its result is ignored.
 */
export async function resolveHost(host: string, operation: Operation): Promise<HostAddress[]> {
  const family = isIP(host);
  if (family !== 0) return [{ address: host, family }];
  // IP addresses do not need this module, which is slow to load.
  const { lookup } = await import('node:dns');
  operation.throwIfCancelled();
  return new Promise((resolve, reject) => {
    const removeListener = operation.onCancel(reject);
    lookup(host, { all: true }, (error, addresses) => {
      removeListener();
      if (error === null) resolve(addresses);
      else reject(explainLookup(error));
    });
  });
}

/** Alternates between address families, starting with that of the first address (RFC 8305, section 4). */
export function interleaveFamilies(addresses: readonly HostAddress[]): HostAddress[] {
  const first = addresses.filter(({ family }) => family === addresses[0]?.family);
  const second = addresses.filter(({ family }) => family !== addresses[0]?.family);
  const longer = Math.max(first.length, second.length);
  return Array.from({ length: longer }, (_, i) => [first[i], second[i]])
    .flat()
    .filter((address) => address !== undefined);
}
