/** Those with steps left to run. */
const pending = new Set<Cleanup>();
let runAll: () => void;

/**
 * A stack of steps that undo what was done: run when the work fails, when its result is closed, or when the process
 * exits, whichever comes first. Like `DisposableStack`, which Node 20 lacks.
 *
 * While there are steps, a `process.on('exit')` hook is installed. It runs at a normal exit, `process.exit` and an
 * uncaught exception, not when a signal kills the process, and cannot wait: steps do what matters synchronously.
 */
export class Cleanup {
  readonly #steps: (() => void | Promise<void>)[] = [];

  /** Adds a step, to run before those added earlier. Call it right before or after what it undoes, without waiting. */
  defer(step: () => void | Promise<void>): void {
    this.#steps.push(step);
    if (pending.size === 0) process.on('exit', runAll);
    pending.add(this);
  }

  /** Runs all steps, each once, the latest first. Rejects with the first error after all have run. */
  async run(): Promise<void> {
    const errors: unknown[] = [];
    for (let step = this.#next(); step !== undefined; step = this.#next()) {
      try {
        // Without a promise to wait for, all steps run in one turn.
        const done = step();
        if (done !== undefined) await done;
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  }

  #next(): (() => void | Promise<void>) | undefined {
    const step = this.#steps.pop();
    if (this.#steps.length === 0 && pending.delete(this) && pending.size === 0) process.off('exit', runAll);
    return step;
  }

  static {
    // Runs everything as the process exits: without waiting, and past any error.
    runAll = () => {
      // The latest first: it may have put something into a directory that an earlier one made.
      for (const cleanup of [...pending].reverse()) {
        for (let step = cleanup.#next(); step !== undefined; step = cleanup.#next()) {
          try {
            void step();
          } catch {
            // The other steps run all the same.
          }
        }
      }
    };
  }
}
