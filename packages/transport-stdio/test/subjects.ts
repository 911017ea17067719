import type { Socket } from 'node:net';
import { pipeEnds, socketEnds } from './ends.js';
import type { Ends } from './ends.js';
import { subjectOver } from './subject.js';

const module = { url: import.meta.url };

/** One socket at each end. */
export const socket = await subjectOver(sockets, { ...module, name: 'socket' });

/** Two pipes, as descriptors. */
export const pipes = await subjectOver(pipeEnds, { ...module, name: 'pipes' });

/** Sockets that keep the process alive only once a transport has them. */
async function sockets(count: number): Promise<Ends[]> {
  const pairs = await socketEnds(count);
  for (const { sockets } of pairs) for (const socket of sockets) socket.unref();
  return pairs.map((pair) => ({
    ...pair,
    get ends() {
      for (const each of pair.sockets satisfies readonly Socket[]) each.ref();
      return pair.ends;
    },
  }));
}
