import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { parseEndpoint } from '@rpcplugin/endpoint-utils';
import { closeAfterTest, freshDirectory, Program, typescript } from '@rpcplugin/test-support';
import type { CommandLine, Ending, ProgramOptions, RemoteError } from '@rpcplugin/test-support';
import { TCPSocketTransport } from '@rpcplugin/transport-tcp';
import type { ListenFd } from '@rpcplugin/transport-tcp';
import { UnixSocketTransport } from '@rpcplugin/transport-unix';
import { onTestFinished } from 'vitest';

export const networks = ['unix', 'tcp'] as const;
export type Network = (typeof networks)[number];

/** What `plugin.ts` prints. */
export interface Report {
  readonly endpoint?: string;
  readonly error?: RemoteError;
  readonly passed: readonly ListenFd[];
  /** Whether a program that it starts has the descriptor, too. */
  readonly isInherited: boolean;
  /** The variables of the protocol that are left. */
  readonly environment: readonly string[];
}

/** The command line of `plugin.ts`. */
export function pluginCommand(network: Network, path?: string): CommandLine {
  return typescript(new URL('plugin.ts', import.meta.url), network, ...(path === undefined ? [] : [path]));
}

/** A process that runs `plugin.ts`. */
export class Plugin extends Program {
  async report(): Promise<Report> {
    const [line] = await this.printed(/^\{.*\}$/m);
    return JSON.parse(line) as Report;
  }

  /** Makes the transport stop listening. Resolves once the process has ended. */
  async stop(): Promise<Ending> {
    this.process.stdin.end();
    return this.ended;
  }
}

/** Starts a plugin whose descriptor 3 is this one. */
export async function startPlugin(fd: number, command: CommandLine, options?: ProgramOptions): Promise<Plugin> {
  const plugin = new Plugin(command, options, ['pipe', 'pipe', 'pipe', fd]);
  await plugin.report();
  return plugin;
}

/** A transport of a host, closed after the test, and the path of its socket. */
export async function hostTransport(
  network: Network,
): Promise<{ transport: UnixSocketTransport | TCPSocketTransport; path?: string }> {
  if (network === 'tcp') return { transport: closeAfterTest(new TCPSocketTransport()) };
  const path = join(await freshDirectory(), 'p.sock');
  return { transport: closeAfterTest(new UnixSocketTransport({ path })), path };
}

/** A plain connection, which is destroyed after the test. It is in the queue of the listener. */
export async function connectTo(endpoint: string): Promise<Socket> {
  const socket = connect(parseEndpoint(endpoint)).on('error', () => undefined);
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  return socket;
}

/** Ends a connection, and resolves with what the process at the other end answers. */
export async function received(socket: Socket): Promise<string> {
  let text = '';
  socket.end('question');
  socket.setEncoding('utf8').on('data', (data: string) => (text += data));
  if (!socket.closed) await once(socket, 'close');
  return text;
}
