// Listens repeatedly, over `node:net` or over a transport: `listeners.js <library> <network>`.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { linkSync, rmSync, unlinkSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UnixSocketTransport } from '@rpcplugin/transport-unix';
import { pinTo } from '../program.js';
import { serveCommands } from './commands.js';
import { netOptions, socketLibrary } from './socket-library.js';
import type { Network } from './socket-library.js';

const [, , library = '', name = ''] = process.argv;
const network = name as Network;
const isOurs = library === 'transport';

if (process.send === undefined) {
  serveCommands({ firstConnection, overStale });
} else {
  // The process that connects, at once, to each address that it is sent.
  process.on('message', (address: string) => {
    connect(netOptions(network, address)).on('error', () => undefined);
  });
  process.send('ready');
}

/** Milliseconds from `listen` until it resolves, and until it accepts a connection from another process. */
async function firstConnection(directory: string, count: number): Promise<{ bound: number[]; accepted: number[] }> {
  const [execPath, ...execArgv] = [...pinTo(1), process.execPath];
  const dialler = fork(fileURLToPath(import.meta.url), [library, network], {
    execPath,
    execArgv,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  await once(dialler, 'message');
  const bound = [];
  const accepted = [];
  for (let i = 0; i < count; i++) {
    const sockets = socketLibrary(library, network);
    let accept: (ms: number) => void = () => undefined;
    const first = new Promise<number>((resolve) => (accept = resolve));
    const started = performance.now();
    const address = await sockets.listen((connection) => {
      accept(performance.now() - started);
      connection.destroy();
    }, directory);
    bound.push(performance.now() - started);
    dialler.send(address);
    accepted.push(await first);
    await sockets.close();
  }
  dialler.kill();
  await once(dialler, 'exit');
  return { bound, accepted };
}

/** Milliseconds to listen over the stale socket of a killed listener. */
async function overStale(directory: string, count: number): Promise<number[]> {
  const path = join(directory, 'stale.sock');
  const spent = [];
  for (let i = 0; i < count; i++) {
    await leaveStale(path);
    const started = performance.now();
    if (isOurs) {
      const transport = new UnixSocketTransport({ path });
      await transport.listen();
      spent.push(performance.now() - started);
      await transport.close();
    } else {
      unlinkSync(path);
      const server = createServer().listen(path);
      await once(server, 'listening');
      spent.push(performance.now() - started);
      server.close();
      await once(server, 'close');
    }
  }
  return spent;
}

async function leaveStale(path: string): Promise<void> {
  rmSync(path, { force: true });
  const server = createServer().listen(`${path}.bound`);
  await once(server, 'listening');
  linkSync(`${path}.bound`, path);
  server.close();
  await once(server, 'close');
}
