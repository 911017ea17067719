import { joinHostPort } from './host-port.js';
import { assertObject, assertText, invalidEndpoint, unknownNetwork } from './invalid.js';
import { tcpEndpoint } from './tcp-endpoint.js';
import { refuseTcp } from './tcp-refusal.js';
import { parseHostPort } from './tcp.js';
import type { TcpEndpoint } from './tcp.js';
import { unixEndpoint, unixPathStart } from './unix-path.js';
import type { UnixEndpoint } from './unix-path.js';

/** Where a listener is, in parts. {@link parseEndpoint} returns canonical ones: equal parts, equal endpoint. */
export type Endpoint = TcpEndpoint | UnixEndpoint;

/**
 * Takes endpoint text apart, in any of these forms; everything else is refused.
 *
 * - TCP: `host:port`, `tcp:host:port`, `tcp://host:port`, `dns:host:port`, `dns:///host:port`, `ipv4:1.2.3.4:port`,
 *   `ipv6:[::1]:port`. The forms with `dns:`, `ipv4:` and `ipv6:` are those of
 *   {@link https://github.com/grpc/grpc/blob/master/doc/naming.md | gRPC's naming document}, for one address.
 *   IPv6 stands in brackets. A host name is put in lower case and an IPv6 address in the spelling of RFC 5952.
 * - Unix: `unix:path`, `/path`, `./path`, `../path`, with slashes as in `normalizeUnixPath`; `./` at the start of a
 *   relative path is dropped.
 *
 * @throws TransportError `INVALID_ENDPOINT` with a `hint` that says what is wrong and what to write instead
 */
export function parseEndpoint(text: string): Endpoint {
  assertText(text);
  const pathStart = unixPathStart(text);
  return pathStart >= 0 ? unixEndpoint(text, pathStart) : tcpEndpoint(text);
}

/**
 * The canonical text of an endpoint: `host:port`, `[ipv6]:port`, or `unix:` and the path. {@link parseEndpoint} turns it
 * into equal parts again. Parts made by hand are put into their canonical form, as text is.
 *
 * @throws TransportError `INVALID_ENDPOINT` for another network, and for parts that no endpoint can have
 */
export function formatEndpoint(endpoint: Endpoint): string {
  return textOf(canonicalEndpoint(endpoint));
}

/**
 * The canonical form of endpoint text: `formatEndpoint(parseEndpoint(text))`. Two texts of the same endpoint become equal.
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
  return endpoint.network === 'tcp' ? joinHostPort(endpoint.host, endpoint.port) : `unix:${endpoint.path}`;
}

function canonicalEndpoint(endpoint: Endpoint): Endpoint {
  assertObject(endpoint);
  const network: unknown = endpoint.network;
  switch (endpoint.network) {
    case 'tcp':
      return canonicalTcp(endpoint.host, endpoint.port);
    case 'unix':
      assertText(endpoint.path);
      return unixEndpoint(endpoint.path);
    default:
      throw unknownNetwork(network);
  }
}

function canonicalTcp(host: string, port: number): TcpEndpoint {
  assertText(host);
  if (typeof port !== 'number') throw invalidEndpoint(port, 'the port is not a number', 'use one from 0 to 65535');
  const text = joinHostPort(host, port);
  const endpoint = parseHostPort(text);
  if (endpoint === undefined) throw refuseTcp(text);
  return endpoint;
}
