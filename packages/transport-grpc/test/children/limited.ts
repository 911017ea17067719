// A process that has few descriptors, and uses them up when it is told to. Argument: the network that it serves on.
import { closeSync, openSync } from 'node:fs';
import { devNull } from 'node:os';
import { credentials, ServerCredentials } from '@grpc/grpc-js';
import { TransportError } from '@rpcplugin/transport-core';
import { TCPSocketTransport } from '@rpcplugin/transport-tcp';
import { UnixSocketTransport } from '@rpcplugin/transport-unix';
import { connectGrpc, serveGrpc } from '../../src/index.js';
import type { ConnectGrpcOptions } from '../../src/index.js';
import { ask, Probe, ProbeServer } from '../service.js';

export type Command =
  /** Uses up all descriptors. */
  | { do: 'exhaust' }
  /** Gives them back. */
  | { do: 'recover' }
  | { do: 'serve' }
  /** Connects, makes a call, and closes the connection. */
  | { do: 'connect'; target: string; options?: ConnectGrpcOptions }
  | { do: 'usage' }
  | { do: 'close' };

export interface Reply {
  endpoint?: string;
  answer?: string;
  error?: Pick<TransportError, 'code' | 'message'> & { hint: string | undefined };
  /** How much time has passed since the process began, and how much of it a processor worked for it, in milliseconds. */
  usage?: { elapsedMs: number; processorMs: number };
}

const transport = process.argv[2] === 'unix' ? new UnixSocketTransport() : new TCPSocketTransport();
const held: number[] = [];

async function perform(command: Command): Promise<Reply> {
  switch (command.do) {
    case 'exhaust':
      exhaust();
      return {};
    case 'recover':
      for (const descriptor of held.splice(0)) closeSync(descriptor);
      return {};
    case 'serve': {
      const { server } = new ProbeServer('child');
      return { endpoint: (await serveGrpc(server, transport, ServerCredentials.createInsecure())).endpoint };
    }
    case 'connect': {
      using connection = await connectGrpc(command.target, credentials.createInsecure(), command.options);
      return { answer: await ask(connection.client(Probe), 'echo', 'hello') };
    }
    case 'usage': {
      const { user, system } = process.cpuUsage();
      return { usage: { elapsedMs: performance.now(), processorMs: (user + system) / 1000 } };
    }
    case 'close':
      await transport.close();
      return {};
  }
}

function exhaust(): void {
  try {
    for (;;) held.push(openSync(devNull, 'r'));
  } catch {
    // There are no more.
  }
}

process.on('message', (command: Command) => {
  void perform(command)
    .catch((error: unknown): Reply => {
      if (!TransportError.isInstance(error)) throw error;
      const { code, message, hint } = error;
      return { error: { code, message, hint } };
    })
    .then((reply) => process.send?.(reply));
});
process.on('disconnect', () => process.exit());
process.send?.('ready');
