import { TransportError } from '@rpcplugin/transport-core';
import { signalOption } from './options.js';
import { startTimer } from './timer.js';
import type { Timer } from './timer.js';

/**
 * The operations that each signal cancels. One listener per signal: Node warns of a leak when a signal has more than
 * ten, and callers share a signal between many calls.
 */
const bySignal = new WeakMap<AbortSignal, Set<() => void>>();

function addAbortListener(signal: AbortSignal, listener: () => void): void {
  const listeners = bySignal.get(signal);
  if (listeners !== undefined) listeners.add(listener);
  else {
    bySignal.set(signal, new Set([listener]));
    signal.addEventListener('abort', callAll);
  }
}

function removeAbortListener(signal: AbortSignal, listener: () => void): void {
  const listeners = bySignal.get(signal);
  listeners?.delete(listener);
  if (listeners?.size !== 0) return;
  bySignal.delete(signal);
  signal.removeEventListener('abort', callAll);
}

function callAll(this: AbortSignal): void {
  for (const listener of [...(bySignal.get(this) ?? [])]) listener();
}

/** What can cancel an operation, and what its errors say. */
export interface OperationOptions {
  /** The caller's signal. */
  readonly signal?: AbortSignal | undefined;
  /** Time limit in milliseconds. `Infinity` means none, but keeps the process alive. Default: none. */
  readonly timeoutMs?: number | undefined;
  /** The endpoint that its errors name. */
  readonly endpoint?: string | undefined;
  /** The hint of its `TIMEOUT`, which says how far it came. */
  readonly timeoutHint?: string | undefined;
}

/**
 * A call in progress that can be cancelled: by its caller's signal, by its time limit, or by {@link cancel}, whichever
 * comes first. The call then rejects with {@link failure}.
 *
 * Work in progress reacts with {@link onCancel}, {@link signal} or {@link throwIfCancelled}. Whoever creates an
 * operation calls {@link end} when the work is over, which removes its timer and listeners.
 */
export class Operation {
  readonly #name: string;
  readonly #options: OperationOptions;
  readonly #timer: Timer | undefined;
  readonly #listeners = new Set<(failure: TransportError) => void>();
  #failure: TransportError | undefined;
  #lastAttemptError: unknown;
  #controller: AbortController | undefined;

  /**
   * @param name - What the call does, such as `connect to 127.0.0.1:1`, for error messages.
   * @throws TransportError `ABORTED` if the signal is aborted already, `INVALID_ARGUMENT` if it is not an
   * `AbortSignal`.
   */
  constructor(name: string, options: OperationOptions = {}) {
    this.#name = name;
    this.#options = options;
    const { timeoutMs } = options;
    const signal = signalOption(options.signal);
    if (signal?.aborted === true) throw this.#abortedError();
    if (signal !== undefined) addAbortListener(signal, this.#onAbort);
    if (timeoutMs !== undefined) this.#timer = startTimer(timeoutMs, this.#onTimeout);
  }

  /** Why the operation was cancelled; `undefined` while it may go on. */
  get failure(): TransportError | undefined {
    return this.#failure;
  }

  /**
   * Aborts when the operation is cancelled, with {@link failure} as its reason. Created on first use: that takes longer
   * than all else an operation does.
   */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#failure !== undefined) this.#controller.abort(this.#failure);
    }
    return this.#controller.signal;
  }

  /** Throws {@link failure} if the operation was cancelled. @throws TransportError any code */
  throwIfCancelled(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Calls `listener` when the operation is cancelled. Returns a function that removes it; call that when done. */
  onCancel(listener: (failure: TransportError) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** Cancels the operation, unless it is cancelled already. */
  cancel(failure: TransportError): void {
    if (this.#failure !== undefined) return;
    this.#failure = failure;
    this.#controller?.abort(failure);
    for (const listener of this.#listeners) listener(failure);
  }

  /** Records why an attempt failed that will be retried. A `TIMEOUT` has the latest as its cause. */
  attemptFailed(error: unknown): void {
    this.#lastAttemptError = error;
  }

  /** Ends the operation: nothing cancels it any more. */
  end(): void {
    this.#timer?.cancel();
    if (this.#options.signal !== undefined) removeAbortListener(this.#options.signal, this.#onAbort);
  }

  readonly #onAbort = (): void => {
    this.cancel(this.#abortedError());
  };

  readonly #onTimeout = (): void => {
    const { endpoint, timeoutHint, timeoutMs } = this.#options;
    this.cancel(
      new TransportError('TIMEOUT', `${this.#name} did not succeed within ${timeoutMs ?? 0} ms`, {
        endpoint,
        hint: timeoutHint,
        cause: this.#lastAttemptError,
      }),
    );
  };

  #abortedError(): TransportError {
    const { endpoint, signal } = this.#options;
    return new TransportError('ABORTED', `${this.#name} was aborted`, { endpoint, cause: signal?.reason });
  }
}
