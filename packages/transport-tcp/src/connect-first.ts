import type { Socket } from 'node:net';
import { Operation, TransportError } from '@rpcplugin/transport-core';

/** How long one attempt goes alone before the next begins beside it: RFC 8305, section 5. */
const ATTEMPT_DELAY_MS = 250;

/**
 * Connects to whichever of several addresses answers first ("happy eyeballs", RFC 8305): attempts begin in order, each when the
 * one before has failed or has taken 250 ms, and a slow one is not given up as Node's `autoSelectFamily` does.
 *
 * Rejects with the one error, or with an `AggregateError` of all, in the order in which they came. The sockets that lose are
 * destroyed, as are all when the operation is given up.
 */
export function connectFirst(
  attempts: readonly ((operation: Operation) => Promise<Socket>)[],
  operation: Operation,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    operation.throwIfGivenUp();
    const race = new Operation('connect to one of several addresses');
    const errors: unknown[] = [];
    let begun = 0;
    let timer: NodeJS.Timeout | undefined;

    const beginNext = (): void => {
      clearTimeout(timer);
      const attempt = attempts[begun];
      if (attempt === undefined) return;
      begun++;
      timer = setTimeout(beginNext, ATTEMPT_DELAY_MS);
      attempt(race).then(onConnect, onError);
    };
    const end = (failure = new TransportError('ABORTED', 'the race with other addresses is over')): void => {
      clearTimeout(timer);
      operation.onGiveUp.delete(onGiveUp);
      race.giveUp(failure);
      race.end();
    };
    const onConnect = (socket: Socket): void => {
      if (race.failure !== undefined) {
        socket.destroy();
        return;
      }
      end();
      resolve(socket);
    };
    const onError = (error: unknown): void => {
      if (race.failure !== undefined) return;
      errors.push(error);
      if (errors.length < attempts.length) {
        beginNext();
        return;
      }
      end();
      reject(new AggregateError(errors));
    };
    const onGiveUp = (failure: TransportError): void => {
      end(failure);
      reject(failure);
    };

    operation.onGiveUp.add(onGiveUp);
    beginNext();
  });
}
