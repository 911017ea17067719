import { COLON } from './char-codes.js';

/** The schemes of endpoints, and after them those that gRPC implementations register as well. */
const SCHEMES = ['tcp', 'ipv4', 'ipv6', 'dns', 'unix', 'unix-abstract', 'vsock', 'xds', 'passthrough'];

/**
 * Whether a name in lower case is that of a scheme. Such a name is not a host, because the canonical endpoint would be
 * read as something else: `unix:80` is a path, `xds:80` a gRPC target.
 */
export const isSchemeName = (name: string) => SCHEMES.includes(name);

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
