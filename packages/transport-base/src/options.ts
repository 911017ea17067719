import { show } from '@rpcplugin/printable';
import { TransportError } from '@rpcplugin/transport-core';

/** The default time limit of calls that connect, in milliseconds. */
export const CONNECT_TIMEOUT_MS = 5000;

/**
 * A duration option in milliseconds: `value`, or the default if it is `undefined`.
 *
 * @throws TransportError `INVALID_ARGUMENT` unless it is a number of at least 0, `Infinity` included.
 */
export function durationOption(name: string, value: number | undefined, defaultMs: number): number {
  if (value === undefined) return defaultMs;
  if (typeof value !== 'number' || !(value >= 0)) {
    throw invalidOption(name, value, 'Give milliseconds of at least 0, or Infinity.');
  }
  return value;
}

/**
 * An integer option: `value`.
 *
 * @throws TransportError `INVALID_ARGUMENT` unless it is `undefined` or an integer from `min` to `max`.
 */
export function integerOption(name: string, value: number | undefined, min: number, max: number): number | undefined {
  if (value === undefined || (Number.isInteger(value) && value >= min && value <= max)) return value;
  throw invalidOption(name, value, `Give an integer from ${min} to ${max}.`);
}

/**
 * An option of a type: `value`.
 *
 * @throws TransportError `INVALID_ARGUMENT` unless it is `undefined` or of the type.
 */
export function typeOption<T>(name: string, value: T, type: 'boolean' | 'function' | 'string'): T {
  if (value === undefined || typeof value === type) return value;
  throw invalidOption(name, value, `Give a ${type}, or leave it out.`);
}

/** @throws TransportError `INVALID_ARGUMENT` unless the value is `undefined` or an `AbortSignal`, of any realm. */
export function signalOption(value: AbortSignal | undefined): AbortSignal | undefined {
  if (value === undefined || typeof (value as Partial<AbortSignal> | null)?.addEventListener === 'function') {
    return value;
  }
  throw invalidOption('signal', value, 'Give an AbortSignal, or leave it out.');
}

/**
 * Checks that an option that is given is not combined with others.
 *
 * @throws TransportError `INVALID_ARGUMENT` if one of them is given, too.
 */
export function assertAlone<T extends object>(name: keyof T & string, options: T, others: (keyof T & string)[]): void {
  const other = others.find((each) => options[each] !== undefined);
  if (other === undefined) return;
  throw new TransportError('INVALID_ARGUMENT', `${name} and ${other} cannot both be given`, {
    hint: `Give either ${name} or ${other}.`,
  });
}

/**
 * Checks that options are an object, for untyped callers.
 *
 * @throws TransportError `INVALID_ARGUMENT` if they are not.
 */
export function assertOptions(options: unknown): void {
  if (typeof options === 'object' && options !== null) return;
  throw invalidOption('options', options, 'Give an object, or leave it out.');
}

/** The error for an option that cannot be used: `INVALID_ARGUMENT`. */
export function invalidOption(name: string, value: unknown, hint: string): TransportError {
  return new TransportError('INVALID_ARGUMENT', `${name} cannot be ${show(value)}`, { hint });
}
