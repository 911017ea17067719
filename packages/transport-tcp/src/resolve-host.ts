import { isIP } from 'node:net';
import { lookupFailure } from '@rpcplugin/transport-core';
import type { Operation } from '@rpcplugin/transport-core';

/** One address of a host. */
export interface HostAddress {
  readonly address: string;
  readonly family: number;
}

/**
 * The addresses of a host, by the platform's resolver (getaddrinfo(3)) and in its order. That can not be interrupted: when
 * the operation is given up the result is no longer waited for.
 */
export async function resolveHost(host: string, operation: Operation): Promise<HostAddress[]> {
  const family = isIP(host);
  if (family !== 0) return [{ address: host, family }];
  // Not needed for addresses, and slow to load.
  const { lookup } = await import('node:dns');
  operation.throwIfGivenUp();
  return new Promise((resolve, reject) => {
    operation.onGiveUp.add(reject);
    lookup(host, { all: true }, (error, addresses) => {
      operation.onGiveUp.delete(reject);
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
