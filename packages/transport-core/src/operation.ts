import { TransportError } from './errors.js';
import { signalOption, startTimer } from './options.js';

export interface OperationOptions {
  /** The caller's signal. */
  signal?: AbortSignal | undefined;
  /** Time limit in milliseconds. Default: `Infinity`, none. */
  timeoutMs?: number | undefined;
  /** The endpoint that its errors name. */
  endpoint?: string | undefined;
}

/**
 * A call under way that its caller's signal, its time limit or somebody else can give up, whichever comes first.
 *
 * Its own {@link signal} is what the work under way listens to; the signal's reason is always the `TransportError` that the
 * call rejects with. Call {@link end} when the work is over, so that no timer and no listener stays behind.
 */
export class Operation {
  /** The latest failure of an attempt that is tried again: what a time-out reports as its cause. */
  lastFailure: unknown;

  readonly #controller = new AbortController();
  readonly #name: string;
  readonly #options: OperationOptions;
  readonly #timer: NodeJS.Timeout;

  /**
   * @param name - What is done, such as `connect to 127.0.0.1:1`, for error messages.
   * @throws TransportError `ABORTED` if the signal is aborted already, `INVALID_ARGUMENT` if it is not one.
   */
  constructor(name: string, options: OperationOptions = {}) {
    this.#name = name;
    this.#options = options;
    const { timeoutMs = Infinity } = options;
    const signal = signalOption(options.signal);
    if (signal?.aborted === true) throw this.#abortedError();
    signal?.addEventListener('abort', this.#onAbort);
    this.#timer = startTimer(timeoutMs, () => {
      this.giveUp(
        new TransportError('TIMEOUT', `${name} did not succeed within ${timeoutMs} ms`, {
          endpoint: options.endpoint,
          hint: 'Is the other side alive and not too busy to answer? Raise timeoutMs if it needs longer.',
          cause: this.lastFailure,
        }),
      );
    });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Ends the operation early: the work under way is to reject with `error`. */
  giveUp(error: TransportError): void {
    this.#controller.abort(error);
  }

  /** The work is over, one way or the other: from here on nothing can give it up. */
  end(): void {
    clearTimeout(this.#timer);
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
  }

  readonly #onAbort = (): void => {
    this.giveUp(this.#abortedError());
  };

  #abortedError(): TransportError {
    const { endpoint, signal } = this.#options;
    return new TransportError('ABORTED', `${this.#name} was aborted`, { endpoint, cause: signal?.reason });
  }
}
