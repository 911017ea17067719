import { assertObject, assertString, unknownNetwork } from './errors.js';
import { joinHostPort } from './host-port.js';
import { assertNumericPort } from './port.js';
import { parseTcpAddress, parseTcpEndpoint } from './tcp.js';
import type { TcpEndpoint } from './tcp.js';
import { toUnixEndpoint, UNIX_SCHEME, unixPathStart } from './unix.js';
import type { UnixEndpoint } from './unix.js';

/** Where a listener is, in parts. {@link parseEndpoint} returns canonical parts: equal parts mean equal endpoints. */
export type Endpoint = TcpEndpoint | UnixEndpoint;

/**
 * Parses an endpoint in any of these forms and rejects all other text.
 *
 * - TCP: `host:port`, `tcp:host:port`, `tcp://host:port`, `dns:host:port`, `dns:///host:port`, `ipv4:1.2.3.4:port`,
 *   `ipv6:[::1]:port`. The forms with `dns:`, `ipv4:` and `ipv6:` come from
 *   {@link https://github.com/grpc/grpc/blob/master/doc/naming.md | gRPC's naming document}, for a single address.
 *   IPv6 addresses are in brackets. Host names become lower case; IPv6 addresses take the form of RFC 5952.
 * - Unix: `unix:path`, `/path`, `./path`, `../path`, with slashes as in `normalizeUnixPath`. A leading `./` is removed.
 *
 * @throws TransportError `INVALID_ENDPOINT`, with a `hint` that says what is wrong and what to write instead
 */
export function parseEndpoint(text: string): Endpoint {
  assertString(text);
  const pathStart = unixPathStart(text);
  return pathStart >= 0 ? toUnixEndpoint(text, pathStart) : parseTcpEndpoint(text);
}

/**
 * The canonical text of an endpoint: `host:port`, `[ipv6]:port`, or `unix:` and the path. {@link parseEndpoint} turns
 * it back into equal parts. Parts need not be canonical; they are normalized like text.
 *
 * @throws TransportError `INVALID_ENDPOINT` for another network, and for parts that no endpoint can have
 */
export function formatEndpoint(endpoint: Endpoint): string {
  return textOf(canonicalEndpoint(endpoint));
}

/**
 * The canonical form of endpoint text: `formatEndpoint(parseEndpoint(text))`. Two texts for the same endpoint become
 * equal.
 *
 * @throws TransportError `INVALID_ENDPOINT` as {@link parseEndpoint} does
 */
export function normalizeEndpoint(text: string): string {
  return textOf(parseEndpoint(text));
}

/** The canonical parts of an endpoint, given as text or in parts. */
export function toEndpoint(endpoint: string | Endpoint): Endpoint {
  return typeof endpoint === 'string' ? parseEndpoint(endpoint) : canonicalEndpoint(endpoint);
}

/** The text of canonical parts. */
export function textOf(endpoint: Endpoint): string {
  return endpoint.network === 'tcp' ? joinHostPort(endpoint.host, endpoint.port) : UNIX_SCHEME + endpoint.path;
}

function canonicalEndpoint(endpoint: Endpoint): Endpoint {
  assertObject(endpoint);
  const network: unknown = endpoint.network;
  switch (endpoint.network) {
    case 'tcp':
      assertString(endpoint.host);
      assertNumericPort(endpoint.port);
      return parseTcpAddress(joinHostPort(endpoint.host, endpoint.port));
    case 'unix':
      assertString(endpoint.path);
      return toUnixEndpoint(endpoint.path);
    default:
      throw unknownNetwork(network);
  }
}
