import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { AddressInfo, ListenOptions, NetConnectOpts, Socket } from 'node:net';

/** A server whose process is stuck, and whose backlog is full: whoever connects is neither let in nor turned away. */
export interface StuckServer {
  /** Where it is, as `net.Server.address` has it. */
  readonly address: string | AddressInfo;
  /** Ends its process, and the connections that wait. */
  readonly end: () => Promise<void>;
}

/** The kernel holds one connection more than a backlog says. */
const BACKLOG = 1;

const program = `
  const { writeSync, readSync } = require('node:fs');
  const server = require('node:net').createServer();
  server.listen(JSON.parse(process.argv[1]), () => {
    writeSync(1, JSON.stringify(server.address()));
    // Nothing else happens in this process from here on, until its input ends.
    readSync(0, Buffer.alloc(1));
    process.exit();
  });
`;

/**
 * Starts a {@link StuckServer}, for the capability `stuck` of transports that are made of sockets.
 *
 * @param options - Where: `{ path }`, or `{ host, port: 0 }`.
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
