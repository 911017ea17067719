import { Duplex } from 'node:stream';

/** One end of a connection in memory: what is written at one end is read at the other, no faster than it is asked for. */
export class MemoryConnection extends Duplex {
  #peer: MemoryConnection | undefined;
  /** Lets the peer write on, once what it wrote has been asked for. */
  #onRead: ((error?: Error) => void) | undefined;

  private constructor({ allowHalfOpen }: { allowHalfOpen: boolean }) {
    super({ allowHalfOpen });
  }

  /** Both ends of a new connection. */
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
    // A peer that waits for its input to be read, or for more, learns that nobody is there any more.
    process.nextTick(() => {
      onRead?.(brokenPipe());
      if (peer !== undefined) peer.#peerHasGone();
    });
    callback(error);
  }

  #peerHasGone(): void {
    this.#peer = undefined;
    const onRead = this.#onRead;
    this.#onRead = undefined;
    onRead?.();
    if (this.destroyed) return;
    // What has come can be read still.
    if (!this.readableEnded) this.push(null);
  }
}

/** As the operating system has it for sockets. */
function brokenPipe(): Error {
  return Object.assign(new Error('write EPIPE'), { code: 'EPIPE', errno: -32, syscall: 'write' });
}
