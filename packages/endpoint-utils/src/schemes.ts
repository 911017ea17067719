import { COLON } from './char-codes.js';

/**
 * The names that are no hosts. `name:80` does not show whether the name is that of a host or of a scheme, so this list
 * draws the line: names of networks, which say how data travels. Names of services and protocols are not in it, because
 * hosts have them, in containers above all (`redis:6379`).
 */
export const SCHEMES: ReadonlySet<string> = new Set([
  // Endpoints.
  ...['tcp', 'ipv4', 'ipv6', 'dns', 'unix', 'unix-abstract'],
  // The other targets of gRPC implementations.
  ...['vsock', 'xds', 'passthrough'],
  // The other networks of Go's net.Dial.
  ...['tcp4', 'tcp6', 'udp', 'udp4', 'udp6', 'ip', 'ip4', 'ip6', 'unixgram', 'unixpacket'],
  // Other ways to reach a plugin.
  ...['fd', 'fifo', 'inproc', 'memory', 'npipe', 'pipe', 'stdio'],
]);

/**
 * Whether a name in lower case is that of a scheme. Such a name is not a host: `unix:80` is a path, `xds:80` a gRPC
 * target, and `memory:1` an endpoint of another transport.
 */
export const isSchemeName = (name: string) => SCHEMES.has(name);

/** The length of the TCP scheme at the start of `text`, with its colon and slashes; 0 if there is none. */
export function tcpSchemeLength(text: string): number {
  if (text.charCodeAt(3) === COLON) {
    if (text.startsWith('tcp')) return text.startsWith('//', 4) ? 6 : 4;
    if (text.startsWith('dns')) return text.startsWith('///', 4) ? 7 : 4;
  } else if (text.charCodeAt(4) === COLON && (text.startsWith('ipv4') || text.startsWith('ipv6'))) {
    return 5;
  }
  return 0;
}

/** The scheme at the start of `text`, with its colon, if it is that of an endpoint in lower or upper case. */
export function schemeIgnoringCase(text: string): string | undefined {
  return /^(?:tcp|ipv4|ipv6|dns|unix|unix-abstract):/i.exec(text)?.[0];
}
