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

/** What the parent of a process that repeats a step asks for: its report so far, or the final one. */
export type Inquiry = 'report' | 'stop';

/** Repeats a step, once per turn of the event loop, until the parent asks it to stop. */
export function repeatUntilStopped(step: () => unknown, report: () => unknown): void {
  const stopped = new AbortController();
  const repeating = (async () => {
    while (!stopped.signal.aborted) {
      await turns(1);
      await step();
    }
  })();
  answerParent(async (inquiry: Inquiry) => {
    if (inquiry === 'stop') {
      stopped.abort();
      await repeating;
    }
    return report();
  });
}
