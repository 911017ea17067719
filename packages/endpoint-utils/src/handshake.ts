import { textOf, toEndpoint } from './endpoint.js';
import type { Endpoint } from './endpoint.js';
import { assertObject, assertString, invalidEndpoint, unknownNetwork } from './errors.js';
import { joinHostPort } from './host-port.js';
import { tcpSchemeLength } from './schemes.js';
import { parseTcpAddress } from './tcp.js';
import { toUnixEndpoint, unixPathStart } from './unix.js';

/** Two fields of go-plugin's handshake line, `CORE|APP|NETWORK|ADDRESS|PROTOCOL`. */
export interface HandshakeAddress {
  readonly network: 'tcp' | 'unix';
  /** `host:port` or an absolute path, without a scheme: the address that Go's `net.Dial(network, address)` takes. */
  readonly address: string;
}

/**
 * The handshake fields with which a go-plugin host reaches an endpoint. The rules follow from
 * {@link https://github.com/hashicorp/go-plugin/blob/main/docs/internals.md | go-plugin's handshake}: the host splits
 * the line at `|` and dials the address from its own working directory.
 *
 * @throws TransportError `INVALID_ENDPOINT` for a malformed endpoint, for a relative path, and for a path that contains
 * `|` (no endpoint contains a line break)
 */
export function toHandshakeAddress(endpoint: string | Endpoint): HandshakeAddress {
  const canonical = toEndpoint(endpoint);
  if (canonical.network === 'tcp') {
    return { network: 'tcp', address: joinHostPort(canonical.host, canonical.port) };
  }
  return { network: 'unix', address: handshakePath(canonical.path, textOf(canonical)) };
}

/**
 * The canonical endpoint for the network and address fields of a plugin's handshake line. Given the fields from
 * {@link toHandshakeAddress}, it returns the canonical text of the endpoint they were made from.
 *
 * @param fields on `tcp`, `host:port` as the address; on `unix`, an absolute path without `|`; neither takes a scheme
 * @throws TransportError `INVALID_ENDPOINT` for another network and for any other address
 */
export function fromHandshakeAddress(fields: { readonly network: string; readonly address: string }): string {
  assertObject(fields);
  const { network, address } = fields;
  assertString(address);
  switch (network) {
    case 'tcp':
      if (tcpSchemeLength(address) === 0 && unixPathStart(address) < 0) return textOf(parseTcpAddress(address));
      throw invalidEndpoint(address, 'it has a scheme or path', 'Write host:port alone.');
    case 'unix':
      return textOf(toUnixEndpoint(handshakePath(address, address)));
    default:
      throw unknownNetwork(network);
  }
}

/** Checks that a path survives the handshake line and names the same socket to the host; `text` is for the error. */
function handshakePath(path: string, text: string): string {
  if (!path.startsWith('/')) {
    throw invalidEndpoint(
      text,
      'the path is not absolute',
      'Use a path that starts with /, without a scheme. The host has another working directory.',
    );
  }
  if (path.includes('|')) {
    throw invalidEndpoint(text, 'the path has a |, which separates handshake fields', 'Rename the socket.');
  }
  return path;
}
