import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** Resolves once a stream has closed. Discards its data. */
export async function closed(stream: Duplex): Promise<void> {
  stream.resume();
  if (!stream.closed) await once(stream, 'close');
}

/** How a socket ends: `closed`, or the code of its error. */
export async function ending(socket: Socket): Promise<string> {
  let how = 'closed';
  socket.on('error', (error: NodeJS.ErrnoException) => {
    how = error.code ?? error.message;
  });
  if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve));
  return how;
}
