import { COLON, isDigit } from './char-codes.js';
import { assertString, invalidEndpoint } from './errors.js';
import { hostReaderAfter } from './host.js';
import { MAX_PORT, MAX_PORT_DIGITS } from './port.js';
import { tcpSchemeLength } from './schemes.js';
import { tcpEndpointError } from './tcp-error.js';
import { unixPathStart } from './unix.js';

/** Where a TCP listener is. */
export interface TcpEndpoint {
  /** Tells it from other endpoints. */
  readonly network: 'tcp';
  /** An IPv4 address, an IPv6 address without brackets and with its zone if it has one, or a host name. */
  readonly host: string;
  /** 0–65535. With 0, a listener chooses its port. */
  readonly port: number;
}

/**
 * Parses a TCP endpoint as `parseEndpoint` does.
 *
 * @throws TransportError `INVALID_ENDPOINT` as `parseEndpoint` does, and for a unix endpoint
 */
export function parseTcpEndpoint(text: string): TcpEndpoint {
  assertString(text);
  const endpoint = readEndpoint(text, tcpSchemeLength(text));
  if (endpoint !== undefined) return endpoint;
  if (unixPathStart(text) < 0) throw tcpEndpointError(text);
  throw invalidEndpoint(
    text,
    'it is not a TCP endpoint',
    'Write host:port. UnixSocketTransport from @rpcplugin/transport-unix connects to unix sockets.',
  );
}

/** Whether `parseEndpoint` accepts `text` as a TCP endpoint. Never throws. */
export function isValidTcpEndpoint(text: string): boolean {
  return typeof text === 'string' && readEndpoint(text, tcpSchemeLength(text)) !== undefined;
}

/** {@link parseTcpEndpoint} for `host:port` without a scheme. */
export function parseTcpAddress(text: string): TcpEndpoint {
  const endpoint = readEndpoint(text, 0);
  if (endpoint === undefined) throw tcpEndpointError(text);
  return endpoint;
}

/** The canonical endpoint of text with a scheme of that length; `undefined` if it is not a TCP endpoint. */
function readEndpoint(text: string, schemeLength: number): TcpEndpoint | undefined {
  // Backwards, because the port follows the last colon.
  let port = 0;
  let scale = 1;
  let colon = text.length - 1;
  for (let code = text.charCodeAt(colon); isDigit(code); code = text.charCodeAt(--colon)) {
    port += (code - 0x30) * scale;
    scale *= 10;
  }
  const digits = text.length - 1 - colon;
  if (digits < 1 || digits > MAX_PORT_DIGITS || port > MAX_PORT) return undefined;
  if (colon < schemeLength || text.charCodeAt(colon) !== COLON) return undefined;
  const host = hostReaderAfter(text, schemeLength)(text, schemeLength, colon);
  return host === undefined ? undefined : { network: 'tcp', host, port };
}
