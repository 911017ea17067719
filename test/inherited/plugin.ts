// Listens on the socket that was passed to it, as a plugin does, and answers each connection that its peer ends with its process ID. Prints one
// line of JSON: the endpoint or the error, and what it was passed. Stops listening when its standard input ends.
// Arguments: the network and, for a unix socket, its path.
import { spawnSync } from 'node:child_process';
import { fstatSync } from 'node:fs';
import { TransportError } from '@rpcplugin/transport-core';
import { listenFdsFromEnv, TCPSocketTransport } from '@rpcplugin/transport-tcp';
import { UnixSocketTransport } from '@rpcplugin/transport-unix';
import type { Report } from './support.js';

const [network, path] = process.argv.slice(2);

async function listen(): Promise<Report> {
  const passed = listenFdsFromEnv();
  const { fd } = passed[0] ?? { fd: 3 };
  // Whether a program that this one starts has the descriptor.
  const isInherited = spawnSync('readlink', [`/proc/self/fd/${fd}`]).status === 0;
  const environment = Object.keys(process.env).filter((name) => name.startsWith('LISTEN_'));
  try {
    const transport = network === 'unix' ? new UnixSocketTransport({ fd, path }) : new TCPSocketTransport({ fd });
    const endpoint = await transport.listen({
      allowHalfOpen: true,
      // Answers when the peer has ended.
      onConnection: (socket) => socket.resume().on('end', () => socket.end(String(process.pid))),
    });
    process.stdin.resume().on('end', () => {
      void transport.stopListening().then(() => {
        // The process ends once its connections have.
        console.log(isOpen(fd) ? 'still open' : 'closed');
      });
    });
    return { endpoint, passed, isInherited, environment };
  } catch (error) {
    if (!TransportError.isInstance(error)) throw error;
    const { code, message, hint } = error;
    return { error: { code, message, hint }, passed, isInherited, environment };
  }
}

function isOpen(fd: number): boolean {
  try {
    fstatSync(fd);
    return true;
  } catch {
    return false;
  }
}

console.log(JSON.stringify(await listen()));
