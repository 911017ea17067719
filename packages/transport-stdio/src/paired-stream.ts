import { Duplex } from 'node:stream';
import type { Readable, Writable } from 'node:stream';

type Callback = (error?: Error | null) => void;

/**
 * A connection over two streams, one for each direction. It passes chunks on as they are, both ways with backpressure;
 * `Duplex.from` takes a third longer for a call.
 */
export class PairedStream extends Duplex {
  readonly #input: Readable;
  readonly #output: Writable;

  constructor(input: Readable, output: Writable, options: { allowHalfOpen: boolean }) {
    super(options);
    this.#input = input;
    this.#output = output;
    const onError = (error: Error): void => {
      this.destroy(error);
    };
    input
      .on('data', (chunk: Buffer) => {
        if (!this.push(chunk)) input.pause();
      })
      // A listener for `data` makes a stream flow.
      .pause()
      .on('end', () => this.push(null))
      .on('error', onError)
      .on('close', () => {
        if (!input.readableEnded) this.destroy();
      });
    // If the other process has exited, what it sent is still to be read.
    output.on('error', onError).on('close', () => {
      if (!output.writableFinished && (this.readableEnded || input.destroyed)) this.destroy();
    });
  }

  override _read(): void {
    this.#input.resume();
  }

  override _write(chunk: Buffer, encoding: BufferEncoding, callback: Callback): void {
    this.#output.write(chunk, encoding, callback);
  }

  /** Writes several chunks with one system call. */
  override _writev(chunks: { chunk: Buffer; encoding: BufferEncoding }[], callback: Callback): void {
    this.#output.cork();
    chunks.forEach(({ chunk, encoding }, i) => {
      this.#output.write(chunk, encoding, i === chunks.length - 1 ? callback : undefined);
    });
    this.#output.uncork();
  }

  override _final(callback: Callback): void {
    if (this.#output.destroyed) callback();
    else this.#output.end(callback);
  }

  override _destroy(error: Error | null, callback: Callback): void {
    this.#input.destroy();
    this.#output.destroy();
    callback(error);
  }
}
