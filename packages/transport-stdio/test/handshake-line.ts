import { once } from 'node:events';
import type { Readable } from 'node:stream';

/** Reads a line, and leaves what follows it in the stream. */
export async function readLine(input: Readable): Promise<string> {
  let line = Buffer.alloc(0);
  for (;;) {
    const chunk = input.read() as Buffer | null;
    if (chunk === null) {
      if (input.readableEnded || input.destroyed)
        throw new Error(`the plugin printed only ${JSON.stringify(String(line))}`);
      await Promise.race([once(input, 'readable'), once(input, 'end'), once(input, 'close')]);
      continue;
    }
    const end = chunk.indexOf('\n');
    if (end >= 0) {
      input.unshift(chunk.subarray(end + 1));
      return Buffer.concat([line, chunk.subarray(0, end)]).toString();
    }
    line = Buffer.concat([line, chunk]);
  }
}
