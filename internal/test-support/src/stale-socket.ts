import { link } from 'node:fs/promises';
import { createServer } from 'node:net';
import { closeServer, listening } from './addresses.js';

/** Creates a socket file without a listener. */
export async function staleSocketAt(path: string): Promise<void> {
  const bound = `${path}.bound`;
  const server = await listening(createServer(), { path: bound });
  // The server removes only the name it was bound to.
  await link(bound, path);
  await closeServer(server);
}
