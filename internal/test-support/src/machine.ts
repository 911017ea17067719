import { networkInterfaces } from 'node:os';

export const isRoot = process.getuid?.() === 0;

/** The user `nobody`, who has no rights. */
export const otherUser = { uid: 65_534, gid: 65_534 } as const;

const addresses = Object.entries(networkInterfaces()).flatMap(([name, of = []]) =>
  of.map(({ address }) => ({ name, address })),
);

export const hasIPv6 = addresses.some(({ address }) => address === '::1');

/** A link-local address of this machine with its zone; `undefined` if there is none. */
export const linkLocalHost = addresses
  .filter(({ address }) => address.startsWith('fe80:'))
  .map(({ name, address }) => `${address}%${name}`)
  .at(0);
