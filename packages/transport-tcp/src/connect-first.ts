import type { Socket } from 'node:net';

/** How long one attempt goes alone before the next begins beside it: RFC 8305, section 5. */
const ATTEMPT_DELAY_MS = 250;

/**
 * Connects to whichever of several addresses answers first ("happy eyeballs", RFC 8305): attempts begin in order, each when the
 * one before has failed or has taken 250 ms, and a slow one is not given up as Node's `autoSelectFamily` does.
 *
 * Rejects with the one error, or with an `AggregateError` of all, in the order in which they came. The sockets that lose are
 * destroyed, as are all when `signal` fires.
 */
export function connectFirst(
  attempts: readonly ((signal: AbortSignal) => Promise<Socket>)[],
  signal: AbortSignal,
): Promise<Socket> {
  if (signal.aborted) return Promise.reject(signal.reason as Error);
  const [only] = attempts;
  if (only !== undefined && attempts.length === 1) return only(signal);
  return new Promise((resolve, reject) => {
    const race = new AbortController();
    const errors: unknown[] = [];
    let begun = 0;
    let timer: NodeJS.Timeout | undefined;

    const beginNext = (): void => {
      clearTimeout(timer);
      const attempt = attempts[begun];
      if (attempt === undefined) return;
      begun++;
      timer = setTimeout(beginNext, ATTEMPT_DELAY_MS);
      attempt(race.signal).then(onConnect, onError);
    };
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      race.abort();
    };
    const onConnect = (socket: Socket): void => {
      if (race.signal.aborted) {
        socket.destroy();
        return;
      }
      end();
      resolve(socket);
    };
    const onError = (error: unknown): void => {
      if (race.signal.aborted) return;
      errors.push(error);
      if (errors.length < attempts.length) {
        beginNext();
        return;
      }
      end();
      reject(new AggregateError(errors));
    };
    const onAbort = (): void => {
      end();
      reject(signal.reason as Error);
    };

    signal.addEventListener('abort', onAbort);
    beginNext();
  });
}
