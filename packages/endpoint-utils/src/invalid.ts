import { TransportError } from '@rpcplugin/transport-core';

const LONGEST_SHOWN = 120;

// What JSON leaves as it is and a terminal does not show, or shows in another order: C1 controls, format characters.
const INVISIBLE = /[\p{C}\p{Zl}\p{Zp}]/gu;

const escaped = (char: string) => `\\u{${Number(char.codePointAt(0)).toString(16)}}`;

/** `text` in quotes and on one line, whatever is in it, and not much longer than a line. */
export function quote(text: string): string {
  const shown = text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}…` : text;
  return JSON.stringify(shown).replace(INVISIBLE, escaped);
}

function describe(value: unknown): string {
  if (typeof value === 'string') return quote(value);
  // An object's or a symbol's own text may throw, mislead, or go on for pages.
  if (typeof value === 'object' ? value !== null : typeof value === 'function' || typeof value === 'symbol') {
    return `of type ${typeof value}`;
  }
  return String(value);
}

/**
 * The one error of this package.
 *
 * @param value what was refused; its text becomes the error's `endpoint`
 * @param problem what is wrong, as a clause: “it has no port”
 * @param advice what to write instead, as a clause
 */
export function invalidEndpoint(value: unknown, problem: string, advice: string): TransportError {
  return new TransportError('INVALID_ENDPOINT', `Invalid endpoint ${describe(value)}: ${problem}`, {
    endpoint: typeof value === 'string' ? value : undefined,
    hint: `${problem}: ${advice}`,
  });
}

/** Callers without types pass anything. @throws TransportError `INVALID_ENDPOINT` */
export function assertText(value: unknown): asserts value is string {
  if (typeof value !== 'string') throw invalidEndpoint(value, 'it is not a string', 'write it as text');
}

/** Callers without types pass anything. @throws TransportError `INVALID_ENDPOINT` */
export function assertObject(value: unknown): asserts value is object {
  if (typeof value !== 'object' || value === null) {
    throw invalidEndpoint(value, 'it is not an object', 'pass an object with the documented fields');
  }
}

/** The error for a network that no endpoint has. */
export function unknownNetwork(network: unknown): TransportError {
  return invalidEndpoint(network, 'unknown network', "use 'tcp' or 'unix'");
}
