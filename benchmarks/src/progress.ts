import type { WriteStream } from 'node:tty';

/** Shows progress: on a terminal in one line that changes, otherwise in a line for each step. */
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
