/** Those with something left to undo when the process exits. */
const pending = new Set<TidyUp>();

function runAll(): void {
  // What was begun last may stand in a directory that was made before.
  for (const tidyUp of [...pending].reverse()) tidyUp.runQuietly();
}

/**
 * What is to be undone, last first, when it is given up or when the process exits: by itself, by `process.exit` or by an uncaught
 * exception. (A signal that nobody handles ends a process without a word.) A `process.on('exit')` hook is in place only
 * while there is something to undo, and it is why every step is synchronous.
 */
export class TidyUp {
  readonly #steps: (() => void)[] = [];

  /** @param step - Undoes what was, or is about to be, done. */
  defer(step: () => void): void {
    this.#steps.push(step);
    if (pending.size === 0) process.on('exit', runAll);
    pending.add(this);
  }

  /** Undoes everything, once; then throws the first error, if there was one. */
  run(): void {
    pending.delete(this);
    if (pending.size === 0) process.off('exit', runAll);
    const errors: unknown[] = [];
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      try {
        step();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  }
  /** Undoes what can be undone: there is an error to report already, or, while the process exits, nobody left to tell. */
  runQuietly(): void {
    try {
      this.run();
    } catch {
      // As said.
    }
  }
}
