// Large test data and hashes to compare it.
import { createCipheriv, createHash } from 'node:crypto';
import type { Readable } from 'node:stream';

/**
 * 16 MiB without repetition, a multiple of what the kernel holds for a peer that does not read, plus a few bytes so that
 * the size is no multiple of a buffer's.
 */
export function largeData(): Buffer {
  return createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16)).update(Buffer.alloc(16 * 2 ** 20 + 17));
}

export function* partsOf(data: Buffer): Generator<Buffer> {
  const size = 2 ** 16;
  for (let at = 0; at < data.length; at += size) yield data.subarray(at, at + size);
}

export function hashOf(data: Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}

/** Reads to the end. Unlike the stream's iterator, it leaves a duplex stream writable. */
export function hashOfStream(stream: Readable): Promise<string> {
  const hash = createHash('sha256');
  return new Promise((resolve, reject) => {
    stream.on('data', (chunk: Buffer) => hash.update(chunk));
    stream.on('end', () => {
      resolve(hash.digest('hex'));
    });
    stream.on('error', reject);
    stream.on('close', () => {
      reject(new Error('the stream closed before its end'));
    });
  });
}
