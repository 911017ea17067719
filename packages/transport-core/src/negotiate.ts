import { TransportError } from './errors.js';
import type { Transport } from './transport.js';

/** Creates transports of one network, where the platform supports it. */
export interface TransportFactory<T extends Transport = Transport> {
  /** The go-plugin network name of the transports that `create` returns. */
  readonly network: string;
  /** Whether this platform supports the network. */
  isSupported(): boolean;
  /** Creates a transport. May throw as its constructor does. */
  create(): T;
}

/**
 * Creates a transport that both sides support: that of the first factory, in the order given, whose network the other
 * side offers and this platform supports. The usual order is unix, then TCP.
 *
 * @param offered - The networks that the other side supports, in any order.
 * @throws TransportError `UNSUPPORTED`, naming both lists, if there is none.
 */
export function negotiateTransport<F extends readonly TransportFactory[]>(
  offered: readonly string[],
  factories: F,
): ReturnType<F[number]['create']> {
  const factory = factories.find((candidate) => offered.includes(candidate.network) && candidate.isSupported());
  if (factory !== undefined) return factory.create() as ReturnType<F[number]['create']>;
  const here = factories.map((candidate) =>
    candidate.isSupported() ? candidate.network : `${candidate.network} (not on this platform)`,
  );
  throw new TransportError(
    'UNSUPPORTED',
    `no transport in common: the other side offers ${list(offered)}; available here: ${list(here)}`,
    { hint: 'Offer another network, or add a factory for one that is offered. Every platform has TCP.' },
  );
}

function list(names: readonly string[]): string {
  return names.length === 0 ? 'none' : names.join(', ');
}
