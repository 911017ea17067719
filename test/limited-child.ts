/**
 * A process that has few descriptors, uses them up when it is told to, and does what it is asked meanwhile. Argument: the name of the
 * variant.
 */
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { devNull } from 'node:os';
import { TransportError } from '@rpcplugin/transport-core';
import type { ConnectOptions, Transport } from '@rpcplugin/transport-core';
import { TCPSocketTransport } from '@rpcplugin/transport-tcp';
import type { TCPSocketTransportOptions } from '@rpcplugin/transport-tcp';
import { UnixSocketTransport } from '@rpcplugin/transport-unix';
import type { UnixSocketTransportOptions } from '@rpcplugin/transport-unix';
import { Bench, echo, echoes } from './bench.js';
import { openDescriptors } from './support.js';
import { variants } from './variants.js';

export type Command =
  /** Uses up all descriptors but so many. */
  | { do: 'exhaust'; leave?: number }
  /** Gives back what `exhaust` has used up. */
  | { do: 'recover' }
  /** From here on it is another transport that listens. */
  | { do: 'create' }
  /** Listens, and sends back what comes. */
  | { do: 'listen' }
  /** Listens with a transport of its own, and closes it. */
  | { do: 'tcp'; options: TCPSocketTransportOptions }
  | { do: 'unix'; options: UnixSocketTransportOptions }
  | { do: 'stopListening' }
  | { do: 'close' }
  /** Connects, has something sent back, and destroys the connection. */
  | { do: 'connect'; endpoint: string; options?: ConnectOptions }
  | { do: 'usage' }
  /** What was not there before the first command. To be asked with descriptors left. */
  | { do: 'leftovers' }
  | { do: 'exit' };

export interface Reply {
  endpoint?: string;
  error?: Pick<TransportError, 'code' | 'message'> & { hint: string | undefined };
  /** How much time has passed since the process began, and how much of it a processor worked for it, in milliseconds. */
  usage?: { elapsedMs: number; processorMs: number };
  leftovers?: { files: string[]; exitHooks: number; descriptors: string[] };
}

export interface Request {
  id: number;
  command: Command;
}

export type Response = Reply & { id: number };

const variant = Object.entries(variants).find(([key]) => key === process.argv[2])?.[1];
if (variant === undefined) throw new Error(`no variant ${String(process.argv[2])}`);
const bench = new Bench(await variant.open());
let listener = bench.create();
const dialer = bench.create();
const held: number[] = [];
/** What there was before the first command. */
let before: { exitHooks: number; descriptors: Set<string> } | undefined;

async function perform(command: Command): Promise<Reply> {
  switch (command.do) {
    case 'exhaust':
      exhaust();
      for (let i = 0; i < (command.leave ?? 0); i++) recover(held.pop());
      return {};
    case 'recover':
      for (const descriptor of held.splice(0)) recover(descriptor);
      return {};
    case 'create':
      listener = bench.create();
      return {};
    case 'listen':
      return { endpoint: await listener.listen({ onConnection: echo }) };
    case 'tcp':
      return listenOnce(new TCPSocketTransport(command.options));
    case 'unix':
      return listenOnce(new UnixSocketTransport(command.options));
    case 'stopListening':
      await listener.stopListening();
      return {};
    case 'close':
      await listener.close();
      return {};
    case 'connect': {
      const socket = await dialer.connect(command.endpoint, command.options);
      if (!(await echoes(socket))) throw new Error('not what was sent');
      socket.destroy();
      await once(socket, 'close');
      return { endpoint: String(dialer.endpoint) };
    }
    case 'usage': {
      const { user, system } = process.cpuUsage();
      return { usage: { elapsedMs: performance.now(), processorMs: (user + system) / 1000 } };
    }
    case 'leftovers':
      return {
        leftovers: {
          files: await bench.leftovers(),
          exitHooks: process.listenerCount('exit') - (before?.exitHooks ?? 0),
          descriptors: [...openDescriptors()].filter((descriptor) => before?.descriptors.has(descriptor) !== true),
        },
      };
    case 'exit':
      return process.exit();
  }
}

async function listenOnce(transport: Transport): Promise<Reply> {
  const endpoint = await transport.listen();
  await transport.close();
  return { endpoint };
}

function exhaust(): void {
  try {
    for (;;) held.push(openSync(devNull, 'r'));
  } catch {
    // There are no more.
  }
}

function recover(descriptor: number | undefined): void {
  if (descriptor !== undefined) closeSync(descriptor);
}

process.on('message', ({ id, command }: Request) => {
  // libuv keeps one to accept and close connections with when there are no others: of the root directory, once it was used.
  before ??= { exitHooks: process.listenerCount('exit'), descriptors: openDescriptors().add('/') };
  void perform(command)
    .catch((error: unknown): Reply => {
      if (!TransportError.isInstance(error)) throw error;
      const { code, message, hint } = error;
      return { error: { code, message, hint } };
    })
    .then((reply) => process.send?.({ id, ...reply } satisfies Response));
});
process.on('disconnect', () => process.exit());
process.send?.('ready');
