import { TransportError } from './errors.js';
import type { TransportErrorCode } from './errors.js';
import type { WarningMessage } from './diagnostics.js';
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
 * side offers and this platform supports. The usual order is unix, then TCP. To dial, offer the one network that the
 * other side listens on. To listen, {@link negotiateListener} also finds out whether the network works here.
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

/** Why a network may not work here while another one does. */
const PASSED_OVER: readonly TransportErrorCode[] = [
  'UNSUPPORTED',
  'PATH_TOO_LONG',
  'PERMISSION_DENIED',
  'NOT_FOUND',
  'ADDRESS_NOT_AVAILABLE',
];

/**
 * Listens on the first network that both sides support and that works here. Whether a network works often shows only
 * when a transport listens: a socket path may be too long, or a directory not writable. A network is passed over if its
 * factory or `listen` fails with `UNSUPPORTED`, `PATH_TOO_LONG`, `PERMISSION_DENIED`, `NOT_FOUND` or
 * `ADDRESS_NOT_AVAILABLE`; once another one listens, a `warning` diagnostic says so.
 *
 * @param offered - The networks that the other side supports, in any order.
 * @param factories - The factories to try, in this order.
 * @param listen - Makes a transport listen, by its `listen` or, for example, by `serveGrpc`. If it rejects, the
 *   transport is closed.
 * @returns What `listen` resolves with.
 * @throws TransportError any other code that `listen` rejects with, such as `ADDRESS_IN_USE` or `ABORTED`;
 *   `UNSUPPORTED` if no network is in common or none of several works, with the reason for each. The only one in common
 *   fails with its own error.
 */
export async function negotiateListener<F extends readonly TransportFactory[], R>(
  offered: readonly string[],
  factories: F,
  listen: (transport: ReturnType<F[number]['create']>) => Promise<R>,
): Promise<R> {
  const failures: { network: string; error: TransportError }[] = [];
  for (const factory of factories.filter(({ network }) => offered.includes(network))) {
    const { network } = factory;
    let transport: ReturnType<F[number]['create']> | undefined;
    try {
      // Rejects as if no network were in common, if the platform does not support it.
      transport = negotiateTransport([network], [factory]) as ReturnType<F[number]['create']>;
      const result = await listen(transport);
      for (const failure of failures) warn(transport, failure.network, failure.error);
      return result;
    } catch (error) {
      await transport?.close().catch(() => undefined);
      if (!TransportError.isInstance(error) || !PASSED_OVER.includes(error.code)) throw error;
      failures.push({ network, error });
    }
  }
  const [first] = failures;
  // Throws, naming both lists.
  if (first === undefined) negotiateTransport(offered, factories);
  else if (failures.length === 1) throw first.error;
  const reasons = failures.map(({ network, error }) => `${network}: ${error.message}`);
  throw new TransportError('UNSUPPORTED', `no network works here: ${reasons.join('; ')}`, {
    hint: first?.error.hint,
    cause: new AggregateError(failures.map(({ error }) => error)),
  });
}

function warn(transport: Transport, passedOver: string, cause: TransportError): void {
  // Seldom needed.
  const channel = process.getBuiltinModule('node:diagnostics_channel').channel('rpcplugin:transport:warning');
  const { network, endpoint } = transport;
  const what = `the network ${passedOver} was passed over`;
  channel.publish({ transport, network, endpoint, what, cause } satisfies WarningMessage);
}

function list(names: readonly string[]): string {
  return names.length === 0 ? 'none' : names.join(', ');
}
