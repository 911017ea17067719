import { Duplex } from 'node:stream';

/** One end of an in-memory connection: data written at one end is read at the other, with backpressure. */
export class MemoryConnection extends Duplex {
  #peer: MemoryConnection | undefined;
  /** Completes the peer's write, once its data is read. */
  #onRead: ((error?: Error) => void) | undefined;

  private constructor({ allowHalfOpen }: { allowHalfOpen: boolean }) {
    super({ allowHalfOpen });
  }

  /** Creates a connection and returns its two ends. */
  static pair(
    one: { allowHalfOpen: boolean },
    other: { allowHalfOpen: boolean },
  ): [MemoryConnection, MemoryConnection] {
    const [near, far] = [new MemoryConnection(one), new MemoryConnection(other)];
    near.#peer = far;
    far.#peer = near;
    return [near, far];
  }

  override _read(): void {
    const onRead = this.#onRead;
    this.#onRead = undefined;
    onRead?.();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    const peer = this.#peer;
    if (peer === undefined || peer.destroyed) {
      callback(brokenPipe());
      return;
    }
    peer.#onRead = callback;
    peer.push(chunk);
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.#peer?.push(null);
    callback();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    const peer = this.#peer;
    const onRead = this.#onRead;
    this.#peer = undefined;
    this.#onRead = undefined;
    // Tells a peer that waits for a write to complete, or for input.
    process.nextTick(() => {
      onRead?.(brokenPipe());
      if (peer !== undefined) peer.#onPeerDestroyed();
    });
    callback(error);
  }

  #onPeerDestroyed(): void {
    this.#peer = undefined;
    const onRead = this.#onRead;
    this.#onRead = undefined;
    onRead?.();
    if (this.destroyed) return;
    // Data that has arrived can still be read.
    if (!this.readableEnded) this.push(null);
  }
}

/** The error that the operating system reports for sockets. */
function brokenPipe(): Error {
  return Object.assign(new Error('write EPIPE'), { code: 'EPIPE', errno: -32, syscall: 'write' });
}
