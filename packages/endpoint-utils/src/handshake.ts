import { textOf, toEndpoint } from './endpoint.js';
import type { Endpoint } from './endpoint.js';
import { joinHostPort } from './host-port.js';
import { assertObject, assertText, invalidEndpoint, unknownNetwork } from './invalid.js';
import { refuseTcp } from './tcp-refusal.js';
import { parseHostPort, tcpSchemeLength } from './tcp.js';
import { unixEndpoint, unixPathStart } from './unix-path.js';

/** Two fields of go-plugin's handshake line, `CORE|APP|NETWORK|ADDRESS|PROTOCOL`. */
export interface HandshakeAddress {
  readonly network: 'tcp' | 'unix';
  /** `host:port`, or an absolute path, without any scheme: what Go's `net.Dial(network, address)` takes. */
  readonly address: string;
}

/**
 * The handshake fields with which a go-plugin host reaches an endpoint. The rules follow from
 * {@link https://github.com/hashicorp/go-plugin/blob/main/docs/internals.md | go-plugin's handshake}: the host splits a
 * line at `|` and dials the address, from a working directory of its own.
 *
 * @throws TransportError `INVALID_ENDPOINT` for what is not an endpoint, for a relative path, and for a path with `|` in
 * it (no endpoint has a line break)
 */
export function toHandshakeAddress(endpoint: string | Endpoint): HandshakeAddress {
  const canonical = toEndpoint(endpoint);
  if (canonical.network === 'tcp') {
    return { network: 'tcp', address: joinHostPort(canonical.host, canonical.port) };
  }
  return { network: 'unix', address: plainPath(canonical.path, textOf(canonical)) };
}

/**
 * The canonical endpoint that the network and address fields of a plugin's handshake line name. For
 * {@link toHandshakeAddress}'s fields it is the endpoint that they were made from.
 *
 * @param fields with `host:port` as the address on `tcp`, an absolute path without `|` on `unix`; a scheme is refused
 * @throws TransportError `INVALID_ENDPOINT` for another network and for any other address
 */
export function fromHandshakeAddress(fields: { readonly network: string; readonly address: string }): string {
  assertObject(fields);
  const { network, address } = fields;
  assertText(address);
  switch (network) {
    case 'tcp':
      return tcpText(address);
    case 'unix':
      return textOf(unixEndpoint(plainPath(address, address)));
    default:
      throw unknownNetwork(network);
  }
}

function tcpText(address: string): string {
  const endpoint = parseHostPort(address);
  if (endpoint !== undefined) return textOf(endpoint);
  if (tcpSchemeLength(address) > 0 || unixPathStart(address) >= 0) {
    throw invalidEndpoint(address, 'a scheme or path in a tcp handshake', 'write host:port alone');
  }
  throw refuseTcp(address);
}

/** A path that survives the handshake line and names the same socket at its other end; `text` is for the error. */
function plainPath(path: string, text: string): string {
  if (!path.startsWith('/')) {
    throw invalidEndpoint(
      text,
      'not an absolute path in a handshake',
      'use one that starts with /, without a scheme; the host has another working directory',
    );
  }
  if (path.includes('|')) throw invalidEndpoint(text, 'a | in a handshake, which is split there', 'rename the socket');
  return path;
}
