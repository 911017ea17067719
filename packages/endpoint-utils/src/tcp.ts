import { COLON, isDigit } from './chars.js';
import { anyHost, ipv6Host } from './host.js';
import type { HostReader } from './host.js';
import { ipv4Host } from './ipv4.js';

/** Where a TCP listener is. */
export interface TcpEndpoint {
  readonly network: 'tcp';
  /** An IPv4 address, an IPv6 address without brackets but with its zone if it has one, or a host name. */
  readonly host: string;
  /** 0–65535. 0 is a port to be chosen while listening. */
  readonly port: number;
}

/** How many characters at the start of `text` are a scheme that says TCP. */
export function tcpSchemeLength(text: string): number {
  if (text.charCodeAt(3) === COLON) {
    if (text.startsWith('tcp')) return text.startsWith('//', 4) ? 6 : 4;
    if (text.startsWith('dns')) return text.startsWith('///', 4) ? 7 : 4;
  } else if (text.charCodeAt(4) === COLON && (text.startsWith('ipv4') || text.startsWith('ipv6'))) {
    return 5;
  }
  return 0;
}

/** The canonical endpoint of `text`, with a scheme or without; `undefined` if it is not one of TCP. */
export function parseTcp(text: string): TcpEndpoint | undefined {
  const start = tcpSchemeLength(text);
  // Only the two schemes that have a say in the kind of host are five characters long.
  if (start === 5) return parseHostPort(text, start, text[3] === '4' ? ipv4Host : ipv6Host);
  return parseHostPort(text, start);
}

/** The canonical endpoint of the `host:port` that begins at `start`, without any scheme; `undefined` if it is none. */
export function parseHostPort(text: string, start = 0, hostIn: HostReader = anyHost): TcpEndpoint | undefined {
  // From the end, as the port is what stands after the last colon.
  let port = 0;
  let scale = 1;
  let colon = text.length - 1;
  for (let code = text.charCodeAt(colon); isDigit(code); code = text.charCodeAt(--colon)) {
    port += (code - 0x30) * scale;
    scale *= 10;
  }
  const digits = text.length - 1 - colon;
  if (digits < 1 || digits > 5 || port > 65_535) return undefined;
  if (colon < start || text.charCodeAt(colon) !== COLON) return undefined;
  const host = hostIn(text, start, colon);
  return host === undefined ? undefined : { network: 'tcp', host, port };
}
