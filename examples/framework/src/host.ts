// The host's side: launches a plugin, or reattaches to one that runs, and stops it.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import type { AddressTranslator, Handshake } from '@rpcplugin/endpoint-utils';
import { createIdentity, endPlugin, handshakeEnv, readHandshake } from '@rpcplugin/handshake';
import type { HandshakeOptions, Identity } from '@rpcplugin/handshake';
import { TransportError } from '@rpcplugin/transport-core';
import type { TransportFactory } from '@rpcplugin/transport-core';
import { connectGrpc, GrpcBroker, mutualTls } from '@rpcplugin/transport-grpc';
import type { GrpcConnection, GrpcCredentials, PluginOutput } from '@rpcplugin/transport-grpc';
import { addressed, brokerNetwork, transportTo } from './networks.js';
import { GRPCBroker, GRPCController, GRPCStdio, Health } from './protos.js';

export interface LaunchOptions extends HandshakeOptions {
  /** Added to this process's. */
  readonly env?: NodeJS.ProcessEnv;
  /** Whether both sides show certificates, made for this launch. Default: false. */
  readonly autoMtls?: boolean;
  /** Cancels a pending launch. A plugin that is launched has to be stopped. */
  readonly signal?: AbortSignal | undefined;
  /** Receives what the plugin prints. Default: prints it. */
  readonly onOutput?: (output: PluginOutput) => unknown;
  /** For a plugin that sees other addresses, such as in a container. Default: none. */
  readonly translator?: AddressTranslator;
  /** What the broker serves on, where the plugin can reach it. Default: as without a container. */
  readonly transports?: readonly TransportFactory[];
}

type ConnectOptions = Pick<LaunchOptions, 'signal' | 'onOutput' | 'translator' | 'transports'>;

/** What the plugin said of itself, and the host's own certificate: as JSON, enough for another process to reattach. */
export type RunningPlugin = Handshake & { readonly identity?: Identity | undefined };

/** Launches a plugin. If that fails, no process is left. */
export async function launch(command: string, args: readonly string[], options: LaunchOptions): Promise<Plugin> {
  const identity = options.autoMtls === true ? await createIdentity() : undefined;
  const launched = { ...options, certificate: identity?.certificate };
  const env = { ...process.env, ...handshakeEnv(launched), ...options.env };
  const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe', 'pipe'] });
  // One that could not be started, or that this user may not signal.
  child.on('error', () => undefined);
  const { onOutput = print } = options;
  child.stderr?.on('data', (data: Buffer) => onOutput({ channel: 'STDERR', data }));
  try {
    const handshake = await readHandshake(child, launched);
    child.stdout?.on('data', (data: Buffer) => onOutput({ channel: 'STDOUT', data }));
    return await reattach({ ...handshake, identity }, options, child);
  } catch (error) {
    // Lets it clean up.
    child.kill('SIGTERM');
    await endPlugin(child);
    throw error;
  }
}

/** Connects to a plugin that runs. Only that of `child` is ever killed: other processes are not known for certain. */
export async function reattach(to: RunningPlugin, options: ConnectOptions = {}, child?: ChildProcess): Promise<Plugin> {
  const credentials = mutualTls(to.identity, to.certificate);
  const transport = transportTo(to.network, child);
  const connection = await connectGrpc(transport, to.endpoint, credentials.channel, {
    authority: 'localhost',
    signal: options.signal,
    translator: options.translator,
  });
  return new Plugin(to, connection, credentials, options, child);
}

/** Launches a plugin again whenever it ends without being stopped: `for await (const plugin of restarts(…))`. */
export async function* restarts(...launched: Parameters<typeof launch>): AsyncGenerator<Plugin, void, void> {
  for (;;) {
    const plugin = await launch(...launched);
    try {
      yield plugin;
      await plugin.ended;
      if (plugin.isStopped) return;
    } finally {
      await plugin.stop();
    }
  }
}

export class Plugin {
  readonly broker: GrpcBroker;
  /** Resolves with the exit code, or with `null` if a signal ended the plugin. Unknown of one that was reattached. */
  readonly ended: Promise<number | null>;
  #stopped: Promise<number | null> | undefined;

  constructor(
    readonly running: RunningPlugin,
    readonly connection: GrpcConnection,
    credentials: GrpcCredentials,
    { onOutput = print, translator, transports = addressed }: ConnectOptions,
    readonly process: ChildProcess | undefined,
  ) {
    const stream = connection.client(GRPCBroker).StartStream();
    const network = brokerNetwork(running.network);
    this.broker = new GrpcBroker(stream, { network, transports, credentials, translator });
    // It fails when the plugin ends. A plugin without this service prints to its pipes alone.
    const output = connection.client(GRPCStdio).StreamStdio({});
    output.on('data', onOutput).on('error', () => undefined);
    this.ended = process ? endPlugin(process, { graceMs: Infinity }) : new Promise(() => undefined);
  }

  get isStopped(): boolean {
    return this.#stopped !== undefined;
  }

  /** Rejects unless the plugin is healthy. */
  async ping(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.connection.client(Health).Check({ service: 'plugin' }, { deadline: Date.now() + 5000 }, (error, answer) => {
        if (answer?.status === 'SERVING') resolve();
        else reject(new TransportError('IO', 'the plugin is not healthy', { cause: error }));
      });
    });
  }

  /** Asks the plugin to stop, and kills it after 2 s. Resolves with its exit code. Idempotent. */
  stop(): Promise<number | null> {
    return (this.#stopped ??= this.#stop());
  }

  async #stop(): Promise<number | null> {
    await new Promise<unknown>((resolve) => {
      // An error means that the plugin is already stopping, or will not stop by itself.
      const call = this.connection.client(GRPCController).Shutdown({}, { deadline: Date.now() + 1000 }, resolve);
      void this.ended.then(() => {
        call.cancel();
      });
    });
    await Promise.all([this.broker.close(), this.connection.close()]);
    return this.process === undefined ? null : endPlugin(this.process);
  }
}

function print({ channel, data }: PluginOutput): void {
  process[channel === 'STDERR' ? 'stderr' : 'stdout'].write(data);
}
