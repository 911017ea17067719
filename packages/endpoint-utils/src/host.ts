import { DASH, DOT, isDigit, isLowerCase, isUpperCase, OPEN_BRACKET, UNDERSCORE } from './chars.js';
import { ipv4Host } from './ipv4.js';
import { canonicalIPv6Address } from './ipv6.js';

// The characters that RFC 6874 lets a zone have without escapes, which covers the names of network interfaces.
const ZONE = /^[\w.~-]+$/;

const LONGEST_NAME = 253; // RFC 1035, section 2.3.4, less the length bytes at both ends

/**
 * Hosts whose canonical endpoint would be read as something else: `unix:80` is a path, `xds:80` a gRPC target. They are
 * the schemes of endpoints and those that gRPC implementations register.
 */
const RESERVED = ['tcp', 'ipv4', 'ipv6', 'dns', 'unix', 'unix-abstract', 'vsock', 'xds', 'passthrough'];

/** Whether a host, in its canonical form or not, is the name of a scheme. */
export const isReserved = (host: string) => RESERVED.includes(host.toLowerCase());

/** Whether a host can only be meant as an IPv4 address; resolvers read `127.1` and `2130706433` as one, too. */
export const looksLikeIPv4 = (host: string) => /^[\d.]+$/.test(host);

/**
 * Reads the host between two places of a text. Returns its canonical form: IPv4 as it stands, IPv6 without its brackets,
 * as RFC 5952 spells it and with its zone, a name in lower case. Returns `undefined` if it is no host of the kind.
 */
export type HostReader = (text: string, start: number, end: number) => string | undefined;

export const anyHost: HostReader = (text, start, end) => {
  const first = text.charCodeAt(start);
  if (first === OPEN_BRACKET) return ipv6Host(text, start, end);
  if (!isDigit(first)) return hostName(text, start, end);
  return ipv4Host(text, start, end) ?? (looksLikeIPv4(text.slice(start, end)) ? undefined : hostName(text, start, end));
};

export const ipv6Host: HostReader = (text, start, end) =>
  text[start] === '[' && text[end - 1] === ']' ? canonicalIPv6(text.slice(start + 1, end - 1)) : undefined;

/** The canonical form of an IPv6 address, perhaps with a zone, without brackets; `undefined` if it is none. */
export function canonicalIPv6(host: string): string | undefined {
  const percent = host.indexOf('%');
  if (percent < 0) return canonicalIPv6Address(host);
  const address = canonicalIPv6Address(host.slice(0, percent));
  const zone = host.slice(percent + 1);
  return address !== undefined && ZONE.test(zone) ? `${address}%${zone}` : undefined;
}

const hostName: HostReader = (text, start, end) => {
  if (start === end || end - start > LONGEST_NAME) return undefined;
  let upper = false;
  let previous = DOT;
  for (let i = start; i < end; i++) {
    const code = text.charCodeAt(i);
    if (code === DOT) {
      if (previous === DOT || previous === DASH) return undefined;
    } else if (code === DASH) {
      if (previous === DOT) return undefined;
    } else if (isUpperCase(code)) {
      upper = true;
    } else if (!isLowerCase(code) && !isDigit(code) && code !== UNDERSCORE) {
      return undefined;
    }
    previous = code;
  }
  if (previous === DASH) return undefined;
  const host = text.slice(start, end);
  const name = upper ? host.toLowerCase() : host;
  return RESERVED.includes(name) ? undefined : name;
};
