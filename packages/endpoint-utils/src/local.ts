import { assertString } from './errors.js';
import { readIPv4 } from './ipv4.js';

/**
 * Whether a host is this machine, judging by its text alone: `localhost`, a loopback address (also as IPv6,
 * `::ffff:127.0.0.1`), or `0.0.0.0` and `::`, by which a listener on all addresses is reached from its own machine.
 * Other addresses and names of this machine do not count.
 *
 * @param host as {@link parseEndpoint} returns it
 * @throws TransportError `INVALID_ENDPOINT` for a value that is not a string
 */
export function isLocalHost(host: string): boolean {
  assertString(host);
  const withoutZone = host.replace(/%.*/, '');
  const ipv4 = withoutZone.replace(/^::ffff:/, '');
  if (readIPv4(ipv4, 0, ipv4.length) !== undefined) return ipv4.startsWith('127.') || ipv4 === '0.0.0.0';
  return ['localhost', 'localhost.', '::1', '::'].includes(withoutZone);
}
