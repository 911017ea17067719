import { once } from 'node:events';
import { closeSync, constants, openSync, promises, rmSync, statSync } from 'node:fs';
import { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { Duplex } from 'node:stream';
import { StreamTransport } from '@rpcplugin/transport-base';
import type { Dialer, Listener } from '@rpcplugin/transport-base';
import { TransportError } from '@rpcplugin/transport-core';
import { withPipes } from './named-pipes.js';

const { O_NONBLOCK, O_RDWR, O_WRONLY } = constants;
// As sockets, because Node polls those. Without O_NONBLOCK, open(2) would wait for the other side: see fifo(7).
const reader = (pipe: string): Socket => new Socket({ fd: openSync(pipe, O_NONBLOCK), writable: false });
const writer = (pipe: string): Socket => new Socket({ fd: openSync(pipe, O_WRONLY | O_NONBLOCK), readable: false });

/** Listens at a named pipe, such as `fifo:/tmp/p`. A dialer makes two more and writes their name into the first. */
export class FifoTransport extends StreamTransport<Duplex> {
  constructor(readonly path: string) {
    super('fifo');
  }

  protected override listener(): Listener<Duplex> {
    const endpoint = `fifo:${this.path}`;
    return {
      endpoint,
      open: async ({ accept, allowHalfOpen, defer }) => {
        await withPipes([`${this.path}.${crypto.randomUUID()}`], async ([pipe = '']) => {
          const [requests, keeper] = [reader(pipe), writer(pipe)];
          // A pipe ends once it has no writer and all data has been read.
          defer(async () => {
            keeper.destroy();
            await once(requests, 'close');
          });
          createInterface(requests).on('line', (name) => {
            let output: Socket | undefined;
            try {
              output = writer(`${name}.down`);
              const input = reader(`${name}.up`);
              output.write('!'); // Only now that `up` is open for reading: the dialing side writes to it at once.
              accept(join(input, output, allowHalfOpen));
            } catch {
              output?.destroy(); // The dialing side gave up; or it learns from this that there is no connection.
            }
          });
          // The pipe gets its name once it has a reader. link(2) never replaces another file.
          await promises.link(pipe, this.path);
          defer(() => {
            rmSync(this.path);
          });
        });
        return endpoint;
      },
    };
  }

  protected override dialer(endpoint: string): Dialer<Duplex> {
    const path = /^fifo:(\/[^\0\n]+)$/.exec(endpoint)?.[1];
    if (path === undefined) {
      const hint = 'Write fifo: and an absolute path.';
      throw new TransportError('INVALID_ENDPOINT', `${JSON.stringify(endpoint)} is not a named pipe`, { hint });
    }
    const attempt: Dialer<Duplex>['attempt'] = async ({ allowHalfOpen, operation: { signal } }) => {
      if (!statSync(path).isFIFO()) throw new TransportError('NOT_A_SOCKET', `${path} is not a named pipe`);
      const name = `${path}.${crypto.randomUUID()}`;
      return withPipes([`${name}.up`, `${name}.down`], async ([up = '', down = '']) => {
        // `up` needs a writer before the listener opens it, so that it ends for the listener if this side gives up.
        const [keeper, input] = [openSync(up, O_RDWR), reader(down)];
        try {
          // Listen first: a pipe that ends before that emits no `readable`.
          const answer = once(input, 'readable', { signal });
          await Promise.all([answer, promises.writeFile(path, `${name}\n`, { flag: O_WRONLY | O_NONBLOCK })]);
          // After `!`, the listener has opened both pipes. Without it, the listener closed `down` again.
          if (input.read(1) === null) throw new TransportError('CONNECTION_REFUSED', 'the listener hung up');
          return join(input, writer(up), allowHalfOpen);
        } catch (error) {
          input.destroy();
          throw error;
        } finally {
          closeSync(keeper);
        }
      });
    };
    return { endpoint, path, waitMs: 1000, retryMs: 2, attempt };
  }
}

/** The stream that reads from one pipe and writes to another. */
function join(input: Socket, output: Socket, allowHalfOpen: boolean): Duplex {
  const joined = new Duplex({
    allowHalfOpen,
    read: () => input.resume(),
    write: (chunk: Buffer, encoding, callback) => output.write(chunk, encoding, callback),
    final: (callback) => output.end(callback),
  });
  input.on('data', (chunk) => joined.push(chunk) || input.pause()).on('end', () => joined.push(null));
  for (const end of [input, output]) end.on('error', (error) => joined.destroy(error));
  return joined.on('close', () => input.destroy()).on('close', () => output.destroy());
}
