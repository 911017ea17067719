import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { AddressInfo, ListenOptions, NetConnectOpts, Socket } from 'node:net';

/** A server whose process is stuck and whose backlog is full: it neither accepts nor refuses a connection. */
export interface StuckServer {
  /** Its address, as `net.Server.address` returns it. */
  readonly address: string | AddressInfo;
  /** Ends its process and destroys the connections in its backlog. */
  readonly end: () => Promise<void>;
}

/** The kernel queues one connection more than this. */
const BACKLOG = 1;

const program = `
  const { writeSync, readSync } = require('node:fs');
  const server = require('node:net').createServer();
  server.listen(JSON.parse(process.argv[1]), () => {
    writeSync(1, JSON.stringify(server.address()));
    // Blocks the process until its input ends.
    readSync(0, Buffer.alloc(1));
    process.exit();
  });
`;

/**
 * Starts a {@link StuckServer}, for the `stuck` capability of socket transports.
 *
 * @param options - Where to listen: `{ path }`, or `{ host, port: 0 }`.
 */
export async function stuckServer(options: ListenOptions): Promise<StuckServer> {
  const child = spawn(process.execPath, ['--eval', program, JSON.stringify({ ...options, backlog: BACKLOG })], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [text] = (await once(child.stdout, 'data')) as [Buffer];
  const address = JSON.parse(text.toString()) as string | AddressInfo;
  const peer: NetConnectOpts =
    typeof address === 'string' ? { path: address } : { host: address.address, port: address.port };
  const waiting: Socket[] = [];
  for (let i = 0; i <= BACKLOG; i++) {
    const socket = connect(peer).on('error', () => undefined);
    waiting.push(socket);
    await once(socket, 'connect');
  }
  return {
    address,
    end: async () => {
      for (const socket of waiting) socket.destroy();
      child.stdin.end();
      if (child.exitCode === null) await once(child, 'exit');
    },
  };
}
