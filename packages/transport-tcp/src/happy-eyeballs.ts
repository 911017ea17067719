import type { Socket } from 'node:net';
import { Operation, realTime } from '@rpcplugin/transport-base';
import { TransportError } from '@rpcplugin/transport-core';

/** How long one attempt runs before the next starts beside it, in milliseconds: RFC 8305, section 5. */
const ATTEMPT_DELAY_MS = 250;

/**
 * Connects to whichever address answers first ("happy eyeballs", RFC 8305). Attempts start in order, each when the
 * previous one failed or has taken 250 ms. A slow attempt continues, unlike with Node's `autoSelectFamily`.
 *
 * Rejects with an `AggregateError` of all errors, in the order in which they occurred. The sockets of the other
 * attempts are destroyed, and all of them if the operation is cancelled.
 */
export function connectFirst(
  attempts: readonly ((race: Operation) => Promise<Socket>)[],
  operation: Operation,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    operation.throwIfCancelled();
    const race = new Operation('connect to the first of several addresses');
    const errors: unknown[] = [];
    let started = 0;
    let timer: NodeJS.Timeout | undefined;

    const startNext = (): void => {
      realTime.clearTimeout(timer);
      const attempt = attempts[started];
      if (attempt === undefined) return;
      started++;
      timer = realTime.setTimeout(startNext, ATTEMPT_DELAY_MS);
      attempt(race).then(onConnect, onError);
    };
    const endRace = (failure = new TransportError('ABORTED', 'another address was faster')): void => {
      realTime.clearTimeout(timer);
      removeListener();
      race.cancel(failure);
      race.end();
    };
    const onConnect = (socket: Socket): void => {
      if (race.failure !== undefined) {
        socket.destroy();
        return;
      }
      endRace();
      resolve(socket);
    };
    const onError = (error: unknown): void => {
      if (race.failure !== undefined) return;
      errors.push(error);
      if (errors.length < attempts.length) {
        startNext();
        return;
      }
      endRace();
      reject(new AggregateError(errors));
    };

    const removeListener = operation.onCancel((failure) => {
      endRace(failure);
      reject(failure);
    });
    startNext();
  });
}
