import { TransportError } from './errors.js';
import type { Transport } from './transport.js';

/** Makes transports of one network, where the platform has it. */
export interface TransportFactory<T extends Transport = Transport> {
  /** The go-plugin network name of what `create` makes. */
  readonly network: string;
  /** Whether this platform has the network. */
  isSupported(): boolean;
  create(): T;
}

/**
 * Creates the transport that two sides have in common: that of the first factory, in the order given, whose network is
 * offered by the other side and supported here. The usual order is unix, then TCP.
 *
 * @param offered - The networks the other side can use, in any order.
 * @throws TransportError `UNSUPPORTED`, naming both lists, if there is none.
 */
export function negotiateTransport<F extends TransportFactory>(
  offered: readonly string[],
  factories: readonly F[],
): ReturnType<F['create']> {
  const factory = factories.find((candidate) => offered.includes(candidate.network) && candidate.isSupported());
  if (factory !== undefined) return factory.create() as ReturnType<F['create']>;
  const here = factories.map((candidate) =>
    candidate.isSupported() ? candidate.network : `${candidate.network} (not on this platform)`,
  );
  throw new TransportError(
    'UNSUPPORTED',
    `no transport in common: offered are ${list(offered)}; available here are ${list(here)}`,
    { hint: 'Offer one more network, or add a factory for one that is offered; every platform has TCP.' },
  );
}

function list(names: readonly string[]): string {
  return names.length === 0 ? 'none' : names.join(', ');
}
