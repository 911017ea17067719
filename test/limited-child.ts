/**
 * A process that has few descriptors, uses them up when it is told to, and does what it is asked meanwhile. Argument:
 * the name of the variant.
 */
import { once } from 'node:events';
import {
  answerParent,
  descriptorsSince,
  exhaustDescriptors,
  openDescriptors,
  recoverDescriptors,
  usage,
} from '@rpcplugin/test-support/process';
import type { RemoteError, Usage } from '@rpcplugin/test-support/process';
import type { ConnectOptions, Transport } from '@rpcplugin/transport-core';
import { TCPSocketTransport } from '@rpcplugin/transport-tcp';
import type { TCPSocketTransportOptions } from '@rpcplugin/transport-tcp';
import { UnixSocketTransport } from '@rpcplugin/transport-unix';
import type { UnixSocketTransportOptions } from '@rpcplugin/transport-unix';
import { Bench, echo, echoes } from './bench.js';
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
  error?: RemoteError;
  usage?: Usage;
  leftovers?: { files: string[]; exitHooks: number; descriptors: string[] };
}

const variant = Object.entries(variants).find(([key]) => key === process.argv[2])?.[1];
if (variant === undefined) throw new Error(`no variant ${String(process.argv[2])}`);
const bench = new Bench(await variant.open());
let listener = bench.create();
const dialer = bench.create();
/** What there was before the first command. */
let before: { exitHooks: number; descriptors: Set<string> } | undefined;

async function perform(command: Command): Promise<Reply> {
  // libuv reserves a descriptor, of the root directory, to accept and close connections when there are no others.
  before ??= { exitHooks: process.listenerCount('exit'), descriptors: openDescriptors().add('/') };
  switch (command.do) {
    case 'exhaust':
      exhaustDescriptors({ leave: command.leave });
      return {};
    case 'recover':
      recoverDescriptors();
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
    case 'usage':
      return { usage: usage() };
    case 'leftovers':
      return {
        leftovers: {
          files: await bench.leftovers(),
          exitHooks: process.listenerCount('exit') - before.exitHooks,
          descriptors: descriptorsSince(before.descriptors),
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

answerParent(perform);
