import { assertText, invalidEndpoint } from './invalid.js';
import { refuseTcp } from './tcp-refusal.js';
import { parseTcp } from './tcp.js';
import type { TcpEndpoint } from './tcp.js';
import { unixPathStart } from './unix-path.js';

/**
 * `parseEndpoint` for the endpoints of TCP alone.
 *
 * @throws TransportError `INVALID_ENDPOINT` as `parseEndpoint` does, and for an endpoint of a unix socket
 */
export function parseTcpEndpoint(text: string): TcpEndpoint {
  assertText(text);
  if (unixPathStart(text) >= 0) {
    throw invalidEndpoint(
      text,
      'not an endpoint of TCP',
      'write host:port; UnixSocketTransport of @rpcplugin/transport-unix connects to unix sockets',
    );
  }
  return tcpEndpoint(text);
}

/** The canonical endpoint of text that is not written like a unix endpoint. */
export function tcpEndpoint(text: string): TcpEndpoint {
  const endpoint = parseTcp(text);
  if (endpoint === undefined) throw refuseTcp(text);
  return endpoint;
}

/** Whether `parseEndpoint` takes `text`, as an endpoint of TCP. Never throws. */
export function isValidTcpEndpoint(text: string): boolean {
  return typeof text === 'string' && parseTcp(text) !== undefined;
}
