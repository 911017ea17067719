/**
 * A process with few file descriptors, which it uses up on command, and which performs other commands meanwhile.
 * Argument: the name of the variant.
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
import { echo, echoes, Fixture } from './fixture.js';
import { variants } from './variants.js';

export type Command =
  /** Uses up all descriptors except `leave`. */
  | { do: 'exhaust'; leave?: number }
  /** Frees what `exhaust` used up. */
  | { do: 'recover' }
  /** From here on, another transport listens. */
  | { do: 'create' }
  /** Listens and echoes. */
  | { do: 'listen' }
  /** Listens with a separate transport, and closes it. */
  | { do: 'tcp'; options: TCPSocketTransportOptions }
  | { do: 'unix'; options: UnixSocketTransportOptions }
  | { do: 'stopListening' }
  | { do: 'close' }
  /** Connects, checks the echo, and destroys the connection. */
  | { do: 'connect'; endpoint: string; options?: ConnectOptions }
  | { do: 'usage' }
  /** What was added since the first command. Needs free descriptors. */
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
const fixture = new Fixture(await variant.open());
let listener = fixture.create();
const dialer = fixture.create();
/** The state before the first command. */
let before: { exitHooks: number; descriptors: Set<string> } | undefined;

async function perform(command: Command): Promise<Reply> {
  // libuv reserves a descriptor, of the root directory, to accept and close connections when no other is free.
  before ??= { exitHooks: process.listenerCount('exit'), descriptors: openDescriptors().add('/') };
  switch (command.do) {
    case 'exhaust':
      exhaustDescriptors({ leave: command.leave });
      return {};
    case 'recover':
      recoverDescriptors();
      return {};
    case 'create':
      listener = fixture.create();
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
      if (!(await echoes(socket))) throw new Error('the echo differs from the message');
      socket.destroy();
      await once(socket, 'close');
      return { endpoint: String(dialer.endpoint) };
    }
    case 'usage':
      return { usage: usage() };
    case 'leftovers':
      return {
        leftovers: {
          files: await fixture.leftovers(),
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
