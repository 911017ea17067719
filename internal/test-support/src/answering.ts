import { TransportError } from '@rpcplugin/transport-core';
import type { TransportErrorCode } from '@rpcplugin/transport-core';
import { turns } from './waiting.js';

/** A message from a `Child` to its process. */
export interface Question<Command> {
  readonly id: number;
  readonly command: Command;
}

/** The answer to a {@link Question}. */
export interface Answer<Reply> {
  readonly id: number;
  readonly reply: Reply;
}

/** The parts of a `TransportError` that reach the parent. */
export interface RemoteError {
  readonly code: TransportErrorCode;
  readonly message: string;
  readonly hint?: string | undefined;
  readonly endpoint?: string | undefined;
}

/**
 * Performs the commands that the parent sends with `Child.ask`, until the parent disconnects. The parent receives the
 * result of `perform`, or `{ error }` if it rejects with a `TransportError`. Any other error ends the process.
 */
export function answerParent(perform: (command: never) => Promise<unknown>): void {
  process.on('message', ({ id, command }: Question<never>) => {
    void perform(command)
      .catch((error: unknown): { error: RemoteError } => {
        if (!TransportError.isInstance(error)) throw error;
        const { code, message, hint, endpoint } = error;
        return { error: { code, message, hint, endpoint } };
      })
      .then((reply) => process.send?.({ id, reply } satisfies Answer<unknown>));
  });
  process.on('disconnect', () => process.exit());
  process.send?.('ready');
}

/** Repeats a step, once per turn of the event loop, until the parent asks for its outcome. */
export function repeatUntilAsked(step: () => unknown, outcome: () => unknown): void {
  const asked = new AbortController();
  const repeating = (async () => {
    while (!asked.signal.aborted) {
      await turns(1);
      await step();
    }
  })();
  answerParent(async () => {
    asked.abort();
    await repeating;
    return outcome();
  });
}
