import { DOT, HYPHEN, isDigit, isLowerCase, isUpperCase, OPEN_BRACKET, UNDERSCORE } from './char-codes.js';
import { looksLikeIPv4, readIPv4 } from './ipv4.js';
import { readIPv6 } from './ipv6.js';
import { isSchemeName } from './schemes.js';

/** The longest host name: RFC 1035, section 2.3.4, minus the length bytes at both ends. */
export const MAX_NAME_LENGTH = 253;

/**
 * Reads the host between two positions of a text. Returns its canonical form: IPv4 unchanged; IPv6 as in RFC 5952, with
 * its zone and without brackets; a name in lower case. Returns `undefined` if it is not a host of the reader's kind.
 */
export type HostReader = (text: string, start: number, end: number) => string | undefined;

/** Reads a host of any kind. */
export const readHost: HostReader = (text, start, end) => {
  const first = text.charCodeAt(start);
  if (first === OPEN_BRACKET) return readIPv6(text, start, end);
  if (!isDigit(first)) return readName(text, start, end);
  return readIPv4(text, start, end) ?? (looksLikeIPv4(text.slice(start, end)) ? undefined : readName(text, start, end));
};

/** The reader for the host after a scheme of that length. `ipv4:` and `ipv6:`, of five characters, limit its kind. */
export function hostReaderAfter(text: string, schemeLength: number): HostReader {
  if (schemeLength !== 5) return readHost;
  return text[3] === '4' ? readIPv4 : readIPv6;
}

const readName: HostReader = (text, start, end) => {
  if (start === end || end - start > MAX_NAME_LENGTH) return undefined;
  let upper = false;
  let previous = DOT;
  for (let i = start; i < end; i++) {
    const code = text.charCodeAt(i);
    if (code === DOT) {
      if (previous === DOT || previous === HYPHEN) return undefined;
    } else if (code === HYPHEN) {
      if (previous === DOT) return undefined;
    } else if (isUpperCase(code)) {
      upper = true;
    } else if (!isLowerCase(code) && !isDigit(code) && code !== UNDERSCORE) {
      return undefined;
    }
    previous = code;
  }
  if (previous === HYPHEN) return undefined;
  const host = text.slice(start, end);
  const name = upper ? host.toLowerCase() : host;
  return isSchemeName(name) ? undefined : name;
};
