import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, openSync, promises, rmSync, statSync } from 'node:fs';
import { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { Duplex } from 'node:stream';
import { listenHints, StreamTransport, toTransportError, TransportError } from '@rpcplugin/transport-core';
import type { BindOptions, Dialer, TransportErrorCode } from '@rpcplugin/transport-core';

const { O_NONBLOCK, O_RDWR, O_WRONLY } = constants;
// As sockets, because those Node polls. Without O_NONBLOCK, open(2) would wait for the other side: see fifo(7).
const reader = (pipe: string): Socket => new Socket({ fd: openSync(pipe, O_NONBLOCK), writable: false });
const writer = (pipe: string): Socket => new Socket({ fd: openSync(pipe, O_WRONLY | O_NONBLOCK), readable: false });

/** Listens at a named pipe such as `fifo:/tmp/p`. Who connects makes two more, and writes into that one what they are called. */
export class FifoTransport extends StreamTransport {
  #stop = (): Promise<unknown> => Promise.resolve();
  constructor(readonly path: string) {
    super('fifo', { waitMs: 1000, pollMs: 2 });
  }

  protected override async open({ accept, allowHalfOpen }: BindOptions<Duplex>): Promise<string> {
    const endpoint = `fifo:${this.path}`;
    await withPipes([`${this.path}.${crypto.randomUUID()}`], async ([pipe = '']) => {
      const [requests, keeper] = [reader(pipe), writer(pipe)];
      createInterface(requests).on('line', (name) => {
        let output: Socket | undefined;
        try {
          output = writer(`${name}.down`);
          output.write('!');
          accept(join(reader(`${name}.up`), output, allowHalfOpen));
        } catch {
          output?.destroy(); // Whoever asked has gone.
        }
      });
      // A pipe ends once nobody can write to it any more, and all that was written has been read.
      this.#stop = () => (rmSync(this.path), keeper.destroy(), once(requests, 'close'));
      // It gets its name only now that somebody reads it; and link(2) takes no name from anybody.
      await promises.link(pipe, this.path).catch((error: unknown) => {
        keeper.destroy();
        throw toTransportError(error, `listen at ${endpoint}`, endpoint, listenHints);
      });
    });
    return endpoint;
  }

  protected override async shut(): Promise<void> {
    await this.#stop();
  }

  protected override dialer(endpoint: string): Dialer<Duplex> {
    const refusal = (code: TransportErrorCode, hint: string): TransportError =>
      new TransportError(code, `${endpoint} is not a named pipe`, { endpoint, hint });
    const path = /^fifo:(\/[^\0\n]+)$/.exec(endpoint)?.[1];
    if (path === undefined) throw refusal('INVALID_ENDPOINT', 'Give `fifo:` and an absolute path.');
    const name = `${path}.${crypto.randomUUID()}`;
    const attempt: Dialer<Duplex>['attempt'] = async ({ allowHalfOpen, operation: { signal } }) => {
      if (!statSync(path).isFIFO()) throw refusal('NOT_A_SOCKET', 'Something else stands there. Check the path.');
      return withPipes([`${name}.up`, `${name}.down`], async ([up = '', down = '']) => {
        // The other end of `up` is to have a writer as soon as it is opened, for it to end when that goes.
        const [keeper, input] = [openSync(up, O_RDWR), reader(down)];
        try {
          await promises.writeFile(path, `${name}\n`, { flag: O_WRONLY | O_NONBLOCK });
          await once(input, 'readable', { signal }); // The listener has opened both.
          input.read(1);
          return join(input, writer(up), allowHalfOpen);
        } catch (error) {
          input.destroy();
          throw error;
        } finally {
          closeSync(keeper);
        }
      });
    };
    return { endpoint, path, attempt };
  }
}

/** Makes named pipes, and takes their names away again after use. Whoever has opened one keeps it. */
async function withPipes<T>(pipes: string[], use: (pipes: string[]) => Promise<T>): Promise<T> {
  try {
    return await once(spawn('mkfifo', ['-m', '600', ...pipes], { stdio: 'ignore' }), 'close').then(() => use(pipes));
  } finally {
    for (const pipe of pipes) rmSync(pipe, { force: true });
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
