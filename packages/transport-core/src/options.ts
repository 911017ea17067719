import { TransportError } from './errors.js';
import { show } from './quote.js';

/** The longest delay a Node timer takes, in milliseconds; a longer one would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * A duration option in milliseconds: `value`, or the default if it is `undefined`.
 *
 * @throws TransportError `INVALID_ARGUMENT` unless it is a number of at least 0; `Infinity` is one.
 */
export function durationOption(name: string, value: number | undefined, defaultMs: number): number {
  if (value === undefined) return defaultMs;
  if (typeof value !== 'number' || !(value >= 0)) {
    throw invalidOption(name, value, 'Give milliseconds of at least 0, or Infinity.');
  }
  return value;
}

/** @throws TransportError `INVALID_ARGUMENT` unless the value is `undefined` or an integer from `min` to `max`. */
export function integerOption(name: string, value: number | undefined, min: number, max: number): number | undefined {
  if (value === undefined || (Number.isInteger(value) && value >= min && value <= max)) return value;
  throw invalidOption(name, value, `Give an integer from ${min} to ${max}.`);
}

/** For callers without types. @throws TransportError `INVALID_ARGUMENT` unless the options are an object. */
export function assertOptions(options: unknown): void {
  if (typeof options === 'object' && options !== null) return;
  throw invalidOption('options', options, 'Give an object, or leave it out.');
}

/** @throws TransportError `INVALID_ARGUMENT` unless the value is `undefined` or of the type. */
export function typeOption<T>(name: string, value: T, type: 'boolean' | 'function' | 'string'): T {
  if (value === undefined || typeof value === type) return value;
  throw invalidOption(name, value, `Give a ${type}, or leave it out.`);
}

/** @throws TransportError `INVALID_ARGUMENT` unless the value is `undefined` or an `AbortSignal`, of whatever realm. */
export function signalOption(value: AbortSignal | undefined): AbortSignal | undefined {
  if (value === undefined || typeof (value as Partial<AbortSignal> | null)?.addEventListener === 'function')
    return value;
  throw invalidOption('signal', value, 'Give an AbortSignal, or leave it out.');
}

/** The error for an option that can not be used. */
export function invalidOption(name: string, value: unknown, hint: string): TransportError {
  return new TransportError('INVALID_ARGUMENT', `${name} can not be ${show(value)}`, { hint });
}

/** A timer that keeps the process alive until it fires or is cleared; for ever, if `ms` is more than a timer can take. */
export function startTimer(ms: number, callback: () => void): NodeJS.Timeout {
  // A promise that nothing keeps alive would end the process with exit code 13.
  return ms > MAX_TIMER_MS ? setInterval(() => undefined, MAX_TIMER_MS) : setTimeout(callback, ms);
}
