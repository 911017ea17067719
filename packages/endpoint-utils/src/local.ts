import { toEndpoint } from './endpoint.js';
import type { Endpoint } from './endpoint.js';
import { readIPv4 } from './ipv4.js';

/**
 * Whether an endpoint is on this machine, judging by its text alone: a unix socket, `localhost`, a loopback address
 * (also as IPv6, `::ffff:127.0.0.1`), or `0.0.0.0` and `::`, by which a listener on all addresses is reached from its
 * own machine. Other addresses and names of this machine do not count.
 *
 * @throws TransportError `INVALID_ENDPOINT` for a malformed endpoint
 */
export function isLocalEndpoint(endpoint: string | Endpoint): boolean {
  const canonical = toEndpoint(endpoint);
  if (canonical.network === 'unix') return true;
  // Without a zone.
  const host = canonical.host.replace(/%.*/, '');
  const ipv4 = host.replace(/^::ffff:/, '');
  if (readIPv4(ipv4, 0, ipv4.length) !== undefined) return ipv4.startsWith('127.') || ipv4 === '0.0.0.0';
  return ['localhost', 'localhost.', '::1', '::'].includes(host);
}
