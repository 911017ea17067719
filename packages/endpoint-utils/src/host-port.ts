import { assertString, invalidEndpoint } from './errors.js';

/** The two parts of `host:port`, either of which may be empty. The brackets around an IPv6 host are removed. */
export interface HostPort {
  /** The host, without brackets. */
  readonly host: string;
  /** The port, as text that may not be a number. */
  readonly port: string;
}

/** Why text does not split into a host and a port, in the words of Go's net.SplitHostPort. */
export type SplitFailure = 'missing port' | 'too many colons' | "missing ']'" | "unexpected '['" | "unexpected ']'";

const BRACKETS_ADVICE = 'Put brackets around a whole IPv6 address only, as in [::1]:50051.';

export const SPLIT_ADVICE: Readonly<Record<SplitFailure, string>> = {
  'missing port': 'Write host:port, or [address]:port for IPv6.',
  'too many colons': 'Write one host:port, with brackets around an IPv6 address, as in [::1]:50051.',
  "missing ']'": 'Close the bracket after the IPv6 address, as in [::1]:50051.',
  "unexpected '['": BRACKETS_ADVICE,
  "unexpected ']'": BRACKETS_ADVICE,
};

/** {@link splitHostPort}, but returns the reason for a failure instead of throwing. */
export function trySplitHostPort(text: string): HostPort | SplitFailure {
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
  const parts = host + port;
  if (parts.includes('[')) return "unexpected '['";
  if (parts.includes(']')) return "unexpected ']'";
  return { host, port };
}

/**
 * Splits `host:port` or `[host]:port` at the last colon, by the rules of Go's
 * {@link https://pkg.go.dev/net#SplitHostPort | net.SplitHostPort}: a host that contains a colon must be in brackets,
 * which are removed. Host and port may be empty and are not checked any further.
 *
 * @throws TransportError `INVALID_ENDPOINT` where Go returns an error, and for the same reason: missing port, too many
 * colons, missing ']', unexpected '[', unexpected ']'
 */
export function splitHostPort(text: string): HostPort {
  assertString(text);
  const parts = trySplitHostPort(text);
  if (typeof parts === 'string') throw invalidEndpoint(text, parts, SPLIT_ADVICE[parts]);
  return parts;
}

/**
 * Joins a host and a port into `host:port`, or `[host]:port` if the host contains a colon, by the rules of Go's
 * {@link https://pkg.go.dev/net#JoinHostPort | net.JoinHostPort}. As in Go, the contents are not checked.
 * {@link splitHostPort} returns the same parts, unless they contain brackets or the port contains a colon.
 *
 * @param port a number, or text such as a service name
 * @throws TransportError `INVALID_ENDPOINT` if the host is not a string, or the port neither a string nor a number
 */
export function joinHostPort(host: string, port: string | number): string {
  assertString(host);
  if (typeof port !== 'number') assertString(port);
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
