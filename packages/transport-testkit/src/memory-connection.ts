import { Duplex } from 'node:stream';
import { realTime } from '@rpcplugin/transport-base';

/**
 * How much written data an end that does not read takes, in bytes, like the buffer of a socket. Without it, a write
 * would complete only when the peer reads: HTTP/2 does not read while it writes, so two ends that write at once would
 * wait for each other.
 */
const BUFFER_BYTES = 256 * 1024;

/** How much of that is read at once, in bytes. */
const PIECE_BYTES = 64 * 1024;

/** One end of an in-memory connection: data written at one end is read at the other, with backpressure. */
export class MemoryConnection extends Duplex {
  #peer: MemoryConnection | undefined;
  /** What the peer wrote and this end has not read: data, and `null` for its end. */
  readonly #incoming: (Buffer | null)[] = [];
  #incomingBytes = 0;
  /** Completes a write of the peer, once there is room. */
  #onRoom: ((error?: Error) => void) | undefined;
  #isReading = false;
  #isDelivering = false;

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
    // As sockets do, so that input arrives without a reader.
    for (const end of [near, far]) end.read(0);
    return [near, far];
  }

  override _read(): void {
    this.#isReading = true;
    this.#deliver();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    const peer = this.#peer;
    if (peer === undefined || peer.destroyed) {
      callback(brokenPipe());
      return;
    }
    peer.#receive(chunk);
    if (peer.#incomingBytes < BUFFER_BYTES) callback();
    else peer.#onRoom = callback;
  }

  override _final(callback: (error?: Error | null) => void): void {
    const peer = this.#peer;
    if (peer !== undefined) peer.#receiveEnd();
    callback();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    const peer = this.#peer;
    const onRoom = this.#onRoom;
    this.#peer = undefined;
    this.#onRoom = undefined;
    // Tells a peer that waits for a write to complete, or for input.
    process.nextTick(() => {
      onRoom?.(brokenPipe());
      if (peer === undefined) return;
      peer.#peer = undefined;
      // Data that has arrived can still be read.
      peer.#receiveEnd();
    });
    callback(error);
  }

  #receive(data: Buffer): void {
    for (let at = 0; at < data.length; at += PIECE_BYTES) this.#incoming.push(data.subarray(at, at + PIECE_BYTES));
    this.#incomingBytes += data.length;
    this.#deliver();
  }

  #receiveEnd(): void {
    this.#incoming.push(null);
    this.#deliver();
  }

  /**
   * Lets this end read what has arrived, in a later turn of the event loop: like the kernel, not while the peer writes.
   * On Node 20, that can abort the process if both ends are those of an HTTP/2 session.
   */
  #deliver(): void {
    if (this.#isDelivering || !this.#isReading || this.#incoming.length === 0) return;
    this.#isDelivering = true;
    realTime.setImmediate(() => {
      this.#isDelivering = false;
      while (this.#isReading && !this.destroyed) {
        const data = this.#incoming.shift();
        if (data === undefined) break;
        this.#incomingBytes -= data?.length ?? 0;
        this.#isReading = false;
        if (this.push(data)) this.#isReading = true;
      }
      if (this.#incomingBytes >= BUFFER_BYTES) return;
      const onRoom = this.#onRoom;
      this.#onRoom = undefined;
      onRoom?.();
    });
  }
}

/** The error that the operating system reports for sockets. */
function brokenPipe(): Error {
  return Object.assign(new Error('write EPIPE'), { code: 'EPIPE', errno: -32, syscall: 'write' });
}
