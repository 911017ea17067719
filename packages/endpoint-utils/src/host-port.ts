import { assertText, invalidEndpoint } from './invalid.js';

/** The two halves of `host:port`; the brackets around an IPv6 host are not part of it. Either may be empty. */
export interface HostPort {
  readonly host: string;
  readonly port: string;
}

/** The ways in which text is not a host and a port, in Go's words. */
export type SplitProblem = 'missing port' | 'too many colons' | "missing ']'" | "unexpected '['" | "unexpected ']'";

export const SPLIT_ADVICE: Readonly<Record<SplitProblem, string>> = {
  'missing port': 'write host:port, or [address]:port for IPv6',
  'too many colons': 'write one host:port, with brackets around an IPv6 address, as in [::1]:50051',
  "missing ']'": 'close the bracket after the IPv6 address, as in [::1]:50051',
  "unexpected '['": 'put brackets around a whole IPv6 address only, as in [::1]:50051',
  "unexpected ']'": 'put brackets around a whole IPv6 address only, as in [::1]:50051',
};

/** {@link splitHostPort} that says what is wrong instead of throwing. */
export function scanHostPort(text: string): HostPort | SplitProblem {
  const colon = text.lastIndexOf(':');
  if (colon < 0) return 'missing port';
  const port = text.slice(colon + 1);
  let host = text.slice(0, colon);
  if (text.startsWith('[')) {
    const close = text.indexOf(']');
    if (close < 0) return "missing ']'";
    if (close + 1 !== colon) return text[close + 1] === ':' ? 'too many colons' : 'missing port';
    host = text.slice(1, close);
  } else if (host.includes(':')) {
    return 'too many colons';
  }
  if (host.includes('[') || port.includes('[')) return "unexpected '['";
  if (host.includes(']') || port.includes(']')) return "unexpected ']'";
  return { host, port };
}

/**
 * Splits `host:port` or `[host]:port` at its last colon, by the rules of Go's
 * {@link https://pkg.go.dev/net#SplitHostPort | net.SplitHostPort}: a host with a colon in it must stand in brackets,
 * which are taken off; host and port may be empty, and neither is checked further.
 *
 * @throws TransportError `INVALID_ENDPOINT` where Go gives an error, and for the same reason: missing port, too many
 * colons, missing ']', unexpected '[', unexpected ']'
 */
export function splitHostPort(text: string): HostPort {
  assertText(text);
  const parts = scanHostPort(text);
  if (typeof parts === 'string') throw invalidEndpoint(text, parts, SPLIT_ADVICE[parts]);
  return parts;
}

/**
 * Joins a host and a port to `host:port`, or to `[host]:port` when there is a colon in the host, by the rules of Go's
 * {@link https://pkg.go.dev/net#JoinHostPort | net.JoinHostPort}. As in Go, the contents are not checked:
 * {@link splitHostPort} gives the same parts back unless there are brackets in them or a colon in the port.
 *
 * @param port a number, or text such as a service name
 * @throws TransportError `INVALID_ENDPOINT` when the host is not a string, or the port neither a string nor a number
 */
export function joinHostPort(host: string, port: string | number): string {
  assertText(host);
  if (typeof port !== 'number') assertText(port);
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
