import { DOT, isDigit } from './chars.js';
import type { HostReader } from './host.js';

/** Four numbers from 0 to 255 without leading zeros; `isIPv4` of node:net agrees, at twice the cost. */
export const ipv4Host: HostReader = (text, start, end) => {
  let dots = 0;
  let octet = -1; // no digit yet
  for (let i = start; i < end; i++) {
    const code = text.charCodeAt(i);
    if (isDigit(code) && octet !== 0) {
      octet = (octet < 0 ? 0 : octet * 10) + code - 0x30;
      if (octet > 255) return undefined;
    } else if (code === DOT && octet >= 0) {
      dots++;
      octet = -1;
    } else {
      return undefined;
    }
  }
  return dots === 3 && octet >= 0 ? text.slice(start, end) : undefined;
};
