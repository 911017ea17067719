import { TransportError } from './errors.js';
import { signalOption, startTimer } from './options.js';

export interface OperationOptions {
  /** The caller's signal. */
  signal?: AbortSignal | undefined;
  /** Time limit in milliseconds; with `Infinity` it keeps the process alive until its end. Default: none, and it does not. */
  timeoutMs?: number | undefined;
  /** The endpoint that its errors name. */
  endpoint?: string | undefined;
}

/**
 * A call under way that its caller's signal, its time limit or somebody else can give up, whichever comes first.
 *
 * The work under way listens to it, with {@link onGiveUp} or through its own {@link signal}; the reason is always the
 * `TransportError` that the call rejects with. Call {@link end} when the work is over, so that no timer and no listener stays behind.
 */
export class Operation {
  /** Why it was given up, if it was. */
  failure: TransportError | undefined;
  /** Called with the reason when the operation is given up. Whoever adds itself here removes itself when its work is done. */
  readonly onGiveUp = new Set<(failure: TransportError) => void>();
  /** The latest failure of an attempt that is tried again: what a time-out reports as its cause. */
  lastFailure: unknown;

  #controller: AbortController | undefined;
  readonly #name: string;
  readonly #options: OperationOptions;
  readonly #timer: NodeJS.Timeout | undefined;

  /**
   * @param name - What is done, such as `connect to 127.0.0.1:1`, for error messages.
   * @throws TransportError `ABORTED` if the signal is aborted already, `INVALID_ARGUMENT` if it is not one.
   */
  constructor(name: string, options: OperationOptions = {}) {
    this.#name = name;
    this.#options = options;
    const { timeoutMs } = options;
    const signal = signalOption(options.signal);
    if (signal?.aborted === true) throw this.#abortedError();
    signal?.addEventListener('abort', this.#onAbort);
    if (timeoutMs === undefined) return;
    this.#timer = startTimer(timeoutMs, () => {
      this.giveUp(
        new TransportError('TIMEOUT', `${name} did not succeed within ${timeoutMs} ms`, {
          endpoint: options.endpoint,
          hint: 'Is the other side alive? Raise timeoutMs if it needs longer.',
          cause: this.lastFailure,
        }),
      );
    });
  }

  /** Fires when the operation is given up. To make one takes longer than all else here, so it is made when it is first asked for. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.failure !== undefined) this.#controller.abort(this.failure);
    }
    return this.#controller.signal;
  }

  /** @throws TransportError why it was given up, if it was. */
  throwIfGivenUp(): void {
    if (this.failure !== undefined) throw this.failure;
  }

  /** Ends the operation early: the work under way is to reject with `error`. */
  giveUp(error: TransportError): void {
    if (this.failure !== undefined) return;
    this.failure = error;
    this.#controller?.abort(error);
    for (const listener of this.onGiveUp) listener(error);
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
