import type { WriteStream } from 'node:tty';

/** A line that says what is being done: one that changes on a terminal, else one for each thing done. */
export class Progress {
  readonly #stream: WriteStream;
  readonly #started = performance.now();

  constructor(stream: WriteStream) {
    this.#stream = stream;
  }

  show(text: string): void {
    const seconds = Math.round((performance.now() - this.#started) / 1000);
    this.clear();
    this.#stream.write(`${seconds} s  ${text}${this.#stream.isTTY ? '' : '\n'}`);
  }

  clear(): void {
    if (!this.#stream.isTTY) return;
    this.#stream.cursorTo(0);
    this.#stream.clearLine(0);
  }
}
