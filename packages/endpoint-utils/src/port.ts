import { quote } from '@rpcplugin/printable';
import { invalidEndpoint } from './errors.js';
import type { Problem } from './errors.js';

/** The highest TCP port; the lowest is 0. */
export const MAX_PORT = 65_535;

/** The most digits a port may be written with, leading zeros included. */
export const MAX_PORT_DIGITS = 5;

export const isDecimal = (text: string) => /^\d+$/.test(text);

/** Why the text after the last colon is not a port. */
export function portProblem(port: string): Problem {
  if (port === '') return ['missing port', 'Write one after the colon, as in 127.0.0.1:50051.'];
  return [
    `the port ${quote(port)} is ${isDecimal(port) ? 'out of range' : 'not a plain decimal number'}`,
    `Write 1 to ${MAX_PORT_DIGITS} digits, from 0 to ${MAX_PORT}.`,
  ];
}

/** For callers without types. @throws TransportError `INVALID_ENDPOINT` unless the value is a number */
export function assertNumericPort(port: unknown): asserts port is number {
  if (typeof port !== 'number') {
    throw invalidEndpoint(port, 'the port is not a number', `Pass a number from 0 to ${MAX_PORT}.`);
  }
}
