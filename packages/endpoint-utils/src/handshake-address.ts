import type { TransportError } from '@rpcplugin/transport-core';
import { textOf, toEndpoint } from './endpoint.js';
import type { Endpoint } from './endpoint.js';
import { assertObject, assertString, invalidEndpoint } from './errors.js';
import { joinHostPort } from './host-port.js';
import { tcpSchemeLength } from './schemes.js';
import { parseTcpAddress } from './tcp.js';
import { toUnixEndpoint, unixPathStart, UNWRITABLE } from './unix.js';

/** Two fields of go-plugin's handshake line, `CORE|APP|NETWORK|ADDRESS|PROTOCOL`. */
export interface HandshakeAddress {
  /** `tcp`, `unix`, or the name of a framework's own network. */
  readonly network: string;
  /**
   * On `tcp` and `unix`, `host:port` or an absolute path: the address that Go's `net.Dial(network, address)` takes. On
   * another network, the endpoint without `network:`, which may be empty.
   */
  readonly address: string;
}

/**
 * The handshake fields with which a host reaches an endpoint. The rules follow from
 * {@link https://github.com/hashicorp/go-plugin/blob/main/docs/internals.md | go-plugin's handshake}: the host splits
 * the line at `|` and dials the address from its own working directory.
 *
 * @param network the network of the transport that listens. Only a network of your own, whose endpoints are
 * `network:address`, has to be named: `tcp` and `unix` show in the endpoint.
 * @throws TransportError `INVALID_ENDPOINT` for a malformed endpoint or one of another network, for a relative path,
 * and for an address that contains `|` or a control character
 */
export function toHandshakeAddress(endpoint: string | Endpoint, network?: string): HandshakeAddress {
  if (network !== undefined && network !== 'tcp' && network !== 'unix') {
    assertNetworkName(network);
    assertString(endpoint);
    const scheme = `${network}:`;
    if (!endpoint.startsWith(scheme)) throw otherNetwork(endpoint, network);
    return { network, address: ownAddress(endpoint.slice(scheme.length), endpoint) };
  }
  const canonical = toEndpoint(endpoint);
  if (network !== undefined && network !== canonical.network) throw otherNetwork(textOf(canonical), network);
  if (canonical.network === 'tcp') {
    return { network: 'tcp', address: joinHostPort(canonical.host, canonical.port) };
  }
  return { network: 'unix', address: handshakePath(canonical.path, textOf(canonical)) };
}

/**
 * The endpoint for the network and address fields of a plugin's handshake line: the canonical text on `tcp` and `unix`,
 * `network:address` on another network, whose own transport judges the address. Given the fields from
 * {@link toHandshakeAddress}, it returns the endpoint that they were made from, in canonical form.
 *
 * @param fields on `tcp`, `host:port` as the address; on `unix`, an absolute path; without a scheme
 * @throws TransportError `INVALID_ENDPOINT` for a malformed name of a network, and for any other address
 */
export function fromHandshakeAddress(fields: HandshakeAddress): string {
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
      assertNetworkName(network);
      return `${network}:${ownAddress(address, address)}`;
  }
}

/** @throws TransportError `INVALID_ENDPOINT` unless the value can name a network and be the scheme of its endpoints */
function assertNetworkName(network: unknown): asserts network is string {
  if (typeof network === 'string' && /^[a-z][a-z\d+.-]*$/.test(network)) return;
  throw invalidEndpoint(
    network,
    'it is not the name of a network',
    "Use 'tcp', 'unix', or a name of lower-case letters, digits, +, - and . that starts with a letter.",
  );
}

/** Checks that an address of an own network survives the handshake line; `text` is for the error. */
function ownAddress(address: string, text: string): string {
  if (address.includes('|') || UNWRITABLE.test(address)) {
    throw invalidEndpoint(
      text,
      'the address has a | or a control character',
      'Choose another address: they separate handshake fields and lines.',
    );
  }
  return address;
}

function otherNetwork(text: string, network: string): TransportError {
  return invalidEndpoint(
    text,
    `it is not an endpoint of the network ${network}`,
    'Pass the network of the transport that listens.',
  );
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
