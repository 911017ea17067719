// A host: launches a plugin, reads its handshake line, connects to the address in it, and finally asks it to stop.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { credentials } from '@grpc/grpc-js';
import { fromHandshakeAddress } from '@rpcplugin/endpoint-utils';
import { negotiateTransport } from '@rpcplugin/transport-core';
import { connectGrpc } from '@rpcplugin/transport-grpc';
import type { GrpcConnection } from '@rpcplugin/transport-grpc';
import { tcpTransportFactory } from '@rpcplugin/transport-tcp';
import { unixTransportFactory } from '@rpcplugin/transport-unix';
import { hostCredentials, makeIdentity } from './auto-mtls.js';
import { GRPCController } from './protos.js';

// What go-plugin's hosts set: the protocol versions that they speak, and a cookie that shows the plugin that a host,
// not a person, started it.
const HANDSHAKE = { PLUGIN_PROTOCOL_VERSIONS: '1', BASIC_PLUGIN: 'hello' };

export interface Plugin {
  readonly process: ChildProcess;
  /** The line it printed: `CORE|APP|NETWORK|ADDRESS|PROTOCOL[|CERTIFICATE]`. */
  readonly handshake: string;
  readonly endpoint: string;
  readonly connection: GrpcConnection;
  /**
   * Asks the plugin to stop, and kills it after 2 seconds. Resolves with its exit code, or `null` if it was killed.
   * Idempotent.
   */
  stop(): Promise<number | null>;
}

export interface LaunchOptions {
  /** Added to this process's. */
  env?: NodeJS.ProcessEnv;
  /** Cancels the launch. Once the plugin is launched, you have to stop it. */
  signal: AbortSignal;
  /** Whether both sides show certificates, made for this launch. Default: false. */
  autoMtls?: boolean;
}

export async function launchPlugin(command: string, args: string[], options: LaunchOptions): Promise<Plugin> {
  const { signal } = options;
  const own = options.autoMtls === true ? await makeIdentity() : undefined;
  const mtls = own && { PLUGIN_CLIENT_CERT: own.certificate };
  const env = { ...process.env, ...options.env, ...HANDSHAKE, ...mtls };
  const plugin = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  await once(plugin, 'spawn');
  const exited = once(plugin, 'exit') as Promise<[number | null]>;
  try {
    const handshake = await firstLine(plugin.stdout, AbortSignal.any([signal, AbortSignal.timeout(10_000)]));
    const [, , network = '', address = '', , certificate = ''] = handshake.split('|');
    const endpoint = fromHandshakeAddress({ network, address });
    if (own && certificate === '') throw new Error('the plugin did not answer with a certificate');
    const security = own ? hostCredentials(own, certificate) : credentials.createInsecure();
    // The network in the line picks the transport, which dials every connection to the plugin.
    const transport = negotiateTransport([network], [unixTransportFactory(), tcpTransportFactory()]);
    const connection = await connectGrpc(transport, endpoint, security, { signal });
    let stopped: Promise<number | null> | undefined;
    const stopOnce = (): Promise<number | null> => (stopped ??= stop(plugin, connection, exited));
    return { process: plugin, handshake, endpoint, connection, stop: stopOnce };
  } catch (error) {
    // Lets the plugin clean up: SIGKILL would leave its socket file behind.
    plugin.kill('SIGTERM');
    await killUnlessExited(plugin, exited);
    throw error;
  }
}

/** The first line. Discards later output, so that the plugin never blocks on a full pipe. */
async function firstLine(output: Readable, signal: AbortSignal): Promise<string> {
  const lines = createInterface({ input: output });
  try {
    const ended = once(lines, 'close', { signal }).then(() => {
      throw new Error('the plugin ended without a handshake line');
    });
    const [line] = (await Promise.race([once(lines, 'line', { signal }), ended])) as [string];
    return line;
  } finally {
    lines.close();
    output.resume();
  }
}

async function stop(
  plugin: ChildProcess,
  connection: GrpcConnection,
  exited: Promise<[number | null]>,
): Promise<number | null> {
  const controller = connection.client(GRPCController);
  await new Promise<void>((resolve) => {
    // An error means that the plugin is already stopping, or will not stop by itself.
    controller.Shutdown({}, { deadline: Date.now() + 1000 }, () => {
      resolve();
    });
  });
  await connection.close();
  return killUnlessExited(plugin, exited);
}

/** Kills the plugin after 2 seconds, as go-plugin does. */
async function killUnlessExited(plugin: ChildProcess, exited: Promise<[number | null]>): Promise<number | null> {
  const kill = setTimeout(() => plugin.kill('SIGKILL'), 2000);
  const [code] = await exited;
  clearTimeout(kill);
  return code;
}
