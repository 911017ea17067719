import { COLON, DOT, isDigit } from './chars.js';
import { ipv4Host } from './ipv4.js';

const GROUPS = 8;

/**
 * An IPv6 address, without a zone, as RFC 5952 spells it; `undefined` if it is none. `isIPv6` and `SocketAddress` of node:net
 * agree, at ten times the cost.
 */
export function canonicalIPv6Address(text: string): string | undefined {
  const groups = readGroups(text);
  return groups === undefined ? undefined : print(groups);
}

/** RFC 4291, section 2.2: eight groups, `::` in place of some that are zero, an IPv4 address in place of the last two. */
function readGroups(text: string): number[] | undefined {
  const groups = [0, 0, 0, 0, 0, 0, 0, 0];
  let count = 0;
  let gap: number | undefined; // how many groups stand before `::`
  let at = 0;
  if (text.startsWith('::')) {
    gap = 0;
    at = 2;
  }
  while (at < text.length) {
    const start = at;
    let group = 0;
    for (let digit = hexDigit(text, at); digit >= 0; digit = hexDigit(text, ++at)) group = group * 16 + digit;
    if (text.charCodeAt(at) === DOT) {
      const address = ipv4Host(text, start, text.length);
      if (address === undefined || count > GROUPS - 2) return undefined;
      const [a = 0, b = 0, c = 0, d = 0] = address.split('.').map(Number);
      groups[count++] = a * 256 + b;
      groups[count++] = c * 256 + d;
      break;
    }
    if (at === start || at - start > 4 || count === GROUPS) return undefined;
    groups[count++] = group;
    if (at === text.length) break;
    if (text.charCodeAt(at) !== COLON || ++at === text.length) return undefined;
    if (text.charCodeAt(at) === COLON) {
      if (gap !== undefined) return undefined;
      gap = count;
      at++;
    }
  }
  if (gap === undefined) return count === GROUPS ? groups : undefined;
  const left = GROUPS - count; // how many groups `::` stands for
  if (left === 0) return undefined;
  for (let i = count - 1; i >= gap; i--) {
    groups[i + left] = groups[i] ?? 0;
    groups[i] = 0;
  }
  return groups;
}

/** RFC 5952, section 4: lower case, no leading zeros, `::` for the first of the longest runs of two zeros or more. */
function print(groups: readonly number[]): string {
  let zeros = 0;
  let zerosEnd = 0;
  for (let start = 0; start < GROUPS; start++) {
    let end = start;
    while (groups[end] === 0) end++;
    if (end - start > Math.max(1, zerosEnd - zeros)) {
      zeros = start;
      zerosEnd = end;
    }
    start = end;
  }
  // Section 5: an IPv4 address is shown as one, be it mapped (`::ffff:`) or compatible, as it once was (`::`).
  const isIPv4 = zeros === 0 && (zerosEnd === 6 || (zerosEnd === 5 && groups[5] === 0xffff));
  const hexEnd = isIPv4 ? GROUPS - 2 : GROUPS;
  // Piece by piece, as arrays of texts take twice as long.
  let text = '';
  for (let i = 0; i < hexEnd; i++) {
    if (i === zeros && zerosEnd > 0) {
      text += '::';
      i = zerosEnd - 1;
    } else {
      if (i > 0 && i !== zerosEnd) text += ':';
      text += (groups[i] ?? 0).toString(16);
    }
  }
  if (!isIPv4) return text;
  const octets = groups.slice(hexEnd).flatMap((group) => [group >> 8, group & 0xff]);
  return `${text}${zerosEnd === hexEnd ? '' : ':'}${octets.join('.')}`;
}

function hexDigit(text: string, at: number): number {
  const code = text.charCodeAt(at);
  if (isDigit(code)) return code - 0x30;
  const letter = code | 0x20; // in lower case
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}
