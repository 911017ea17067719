import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, ListenOptions, Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

/** A server whose process is stuck and whose backlog is full: it neither accepts nor refuses a connection. */
export interface StuckServer {
  /** Its address, as `net.Server.address` returns it. */
  readonly address: string | AddressInfo;
  /** Ends its process and destroys the connections in its backlog. */
  readonly end: () => Promise<void>;
}

/** The kernel queues one connection more than this. */
const BACKLOG = 1;

const program = fileURLToPath(new URL('./stuck-server-process.js', import.meta.url));

/**
 * Starts a {@link StuckServer}, for the `stuck` capability of socket transports. On Bun, connections to a full backlog
 * of a unix socket are refused; on Windows itself, those of TCP are in the end (listen of Winsock), but not under wine.
 *
 * Rejects with what its process printed if that ends, for an address that it cannot listen on, for example.
 *
 * @param options - Where to listen: `{ path }`, or `{ host, port: 0 }`.
 */
export async function stuckServer(options: ListenOptions): Promise<StuckServer> {
  const child = spawn(process.execPath, [program, JSON.stringify({ ...options, backlog: BACKLOG })]);
  // It may end before its input does.
  child.stdin.on('error', () => undefined);
  const printed = text(child.stderr);
  const ended = once(child, 'close').then(async ([code, signal]: (number | string | null)[]) => {
    throw new Error(`the stuck server ended with ${code ?? signal ?? 'nothing'}: ${await printed}`);
  });
  ended.catch(() => undefined);
  const waiting: Socket[] = [];
  const end = async (): Promise<void> => {
    for (const socket of waiting) socket.destroy();
    child.stdin.end();
    await ended.catch(() => undefined);
  };
  try {
    const [output] = (await Promise.race([once(child.stdout, 'data'), ended])) as [Buffer];
    const address = JSON.parse(output.toString()) as string | AddressInfo;
    await Promise.race([fillBacklog(address, waiting), ended]);
    return { address, end };
  } catch (error) {
    child.kill('SIGKILL');
    await end();
    throw error;
  }
}

/**
 * Connects until the backlog is full. That takes more connections than its size where a runtime ignores that, like Bun,
 * or accepts ahead: Deno one connection, libuv on Windows 32.
 */
async function fillBacklog(address: string | AddressInfo, waiting: Socket[]): Promise<void> {
  for (let isFull = false; !isFull;) {
    const socket = connect(
      typeof address === 'string' ? { path: address } : { host: address.address, port: address.port },
    );
    waiting.push(socket.on('error', () => undefined));
    const connected = once(socket, 'connect').then(() => true);
    if (waiting.length <= BACKLOG + 1) await connected;
    else if (typeof address === 'string') isFull = !(await connected.catch(() => false));
    else {
      // TCP does not report a full backlog, but any other connection is faster. If this one was only slow, it takes its
      // place in the backlog later.
      const other = connectElsewhere(address.address);
      isFull = !(await Promise.race([connected, other]).catch(() => false));
      await other;
    }
  }
}

/** Connects to a listener that accepts at once. Resolves with false. */
async function connectElsewhere(host: string): Promise<false> {
  const server = createServer((accepted) => accepted.destroy()).listen({ host, port: 0, exclusive: true });
  await once(server, 'listening');
  const socket = connect({ host, port: (server.address() as AddressInfo).port });
  await once(socket, 'connect');
  socket.on('error', () => undefined).destroy();
  server.close();
  return false;
}
