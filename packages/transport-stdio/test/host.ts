import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import type { Duplex } from 'node:stream';
import { credentials } from '@grpc/grpc-js';
import { fromHandshakeAddress } from '@rpcplugin/endpoint-utils';
import { closeAfterTest, spawnProgram, typescript } from '@rpcplugin/test-support';
import type { CommandLine, Identity, ProgramOptions } from '@rpcplugin/test-support';
import { connectGrpc } from '@rpcplugin/transport-grpc';
import type { GrpcConnection } from '@rpcplugin/transport-grpc';
import { onTestFinished } from 'vitest';
import { StdioTransport } from '../src/index.js';
import { readLine } from './handshake-line.js';
import { Probe } from './service.js';
import type { ProbeClient } from './service.js';

/** How a plugin is launched. */
export interface Launch {
  readonly command: CommandLine;
  /** Whether the connection is at descriptor 3, not on standard input and output. */
  readonly isDuplex: boolean;
}

/** The command line of `children/plugin.ts`. */
export function pluginCommand(...args: string[]): CommandLine {
  return typescript(new URL('children/plugin.ts', import.meta.url), ...args);
}

/** The recipe that keeps stray prints out of a connection on standard input and output: they go to standard error. */
export function withoutPrints(command: CommandLine): CommandLine {
  return ['sh', '-c', 'exec 3>&1 1>&2; exec "$@"', 'sh', ...command];
}

/** The ways to launch a plugin on this machine, by name. */
export const launches = {
  'descriptor 3': { command: pluginCommand(), isDuplex: true },
  'standard input and output': { command: pluginCommand('0', '1'), isDuplex: false },
  'standard input and descriptor 3': { command: withoutPrints(pluginCommand('0', '3')), isDuplex: false },
} satisfies Record<string, Launch>;

/** A plugin that was launched, and its host. */
export class LaunchedPlugin {
  readonly process: ChildProcessWithoutNullStreams;
  readonly transport: StdioTransport;
  readonly connection: GrpcConnection;
  readonly client: ProbeClient;
  /** What the plugin printed, apart from its handshake line if the connection is not on standard output. */
  readonly printed: { stdout: string; stderr: string };
  readonly #ended: Promise<unknown[]>;

  private constructor(
    child: ChildProcessWithoutNullStreams,
    printed: LaunchedPlugin['printed'],
    transport: StdioTransport,
    connection: GrpcConnection,
    ended: Promise<unknown[]>,
  ) {
    this.process = child;
    this.printed = printed;
    this.transport = transport;
    this.connection = connection;
    this.client = connection.client(Probe);
    this.#ended = ended;
  }

  /** Launches a plugin and connects to it. With an identity, the connection has mutual TLS. */
  static async start(
    { command, isDuplex }: Launch,
    { identity, ...options }: ProgramOptions & { readonly identity?: Identity } = {},
  ): Promise<LaunchedPlugin> {
    const env = { ...options.env, ...(identity && { PLUGIN_CLIENT_CERT: String(identity.certificate) }) };
    const child = spawnProgram(command, { ...options, env }, ['pipe', 'pipe', 'pipe', isDuplex ? 'pipe' : 'ignore']);
    const ended = once(child, 'exit');
    const printed = { stdout: '', stderr: '' };
    child.stderr.setEncoding('utf8').on('data', (text: string) => (printed.stderr += text));
    const line = await readLine(child.stdout).catch((error: unknown) => {
      throw new Error(`${command.join(' ')} did not start: ${printed.stderr}`, { cause: error });
    });
    const [, , network = '', address = '', , certificate] = line.split('|');
    const transport = closeAfterTest(
      new StdioTransport(
        isDuplex ? { duplex: child.stdio[3] as unknown as Duplex } : { input: child.stdout, output: child.stdin },
      ),
    );
    if (isDuplex) child.stdout.setEncoding('utf8').on('data', (text: string) => (printed.stdout += text));
    const security =
      identity === undefined
        ? credentials.createInsecure()
        : credentials.createSsl(pem(certificate), identity.key, identity.certificate);
    const connection = await connectGrpc(transport, fromHandshakeAddress({ network, address }), security);
    onTestFinished(() => connection.close({ graceMs: 0 }));
    return new LaunchedPlugin(child, printed, transport, connection, ended);
  }

  /** Resolves with the exit code, or the signal that ended the plugin. */
  async ended(): Promise<unknown> {
    const [code, signal] = await this.#ended;
    return code ?? signal;
  }
}

/** The certificate of the handshake line: base64 without padding. */
function pem(certificate = ''): Buffer {
  return Buffer.from(new X509Certificate(Buffer.from(certificate, 'base64')).toString());
}
