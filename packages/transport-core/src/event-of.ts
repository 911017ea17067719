import type { EventEmitter } from 'node:events';

/** Resolves with an event, rejects with an `error` that comes first: `once` of node:events, with less to do for each. */
export function eventOf(emitter: EventEmitter, event: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error?: Error): void => {
      emitter.off(event, settle).off('error', settle);
      if (error === undefined) resolve();
      else reject(error);
    };
    emitter.on(event, settle).on('error', settle);
  });
}
