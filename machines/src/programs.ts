// The programs that run on the machines, and what starts them there.
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { startControlled } from '@rpcplugin/test-support';
import type { Child, CommandLine, Program, ProgramOptions, RemoteError } from '@rpcplugin/test-support';
import type { ConnectGrpcTargetOptions } from '@rpcplugin/transport-grpc';
import type { Command, Reply } from './client.js';
import type { Machine } from './lan.js';
import type { Outcome } from './load.js';

/** The port that the plugins listen on. */
export const PORT = 50051;
/** The name in their certificate. */
export const AUTHORITY = 'kv.internal';

/** By its URL: a program on another machine starts in its root directory. */
const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

/** The command line that runs a TypeScript file as it is: its code finds proto files next to it. */
export function typescriptProgram(file: URL, args: readonly string[], imports: readonly URL[] = []): CommandLine {
  const modules = [tsx, ...imports.map(({ href }) => href)].flatMap((href) => ['--import', href]);
  return [process.execPath, '--conditions=@rpcplugin/source', ...modules, fileURLToPath(file), ...args];
}

export interface PluginOptions {
  /** For how long a connection may last, in milliseconds. */
  readonly maxConnectionAgeMs?: number;
}

/** Starts the plugin on a machine, and resolves once it serves. */
export async function startPlugin(
  machine: Machine,
  certificates: string,
  { maxConnectionAgeMs }: PluginOptions = {},
): Promise<Program> {
  const args = [certificates, ...(maxConnectionAgeMs === undefined ? [] : [String(maxConnectionAgeMs)])];
  const plugin = machine.start(typescriptProgram(new URL('plugin.ts', import.meta.url), args));
  await plugin.printed(/^serving/m);
  return plugin;
}

export interface ClientOptions extends ProgramOptions {
  /** Modules to load first, such as one that registers a resolver. */
  readonly imports?: readonly URL[];
}

/** What a {@link ClientProcess} controls. */
type Client = Child<Command, Reply | { error: RemoteError }>;

/** The process of a host of plugins, on a machine. */
export class ClientProcess {
  readonly #child: Client;
  #connections = 0;

  private constructor(child: Client) {
    this.#child = child;
  }

  static async start(
    machine: Machine,
    certificates: string,
    { imports, ...options }: ClientOptions = {},
  ): Promise<ClientProcess> {
    const command = typescriptProgram(new URL('client.ts', import.meta.url), [certificates], imports);
    const child: Client = await startControlled(machine.command(command), options);
    return new ClientProcess(child);
  }

  /** Calls `connectGrpcTarget`. */
  async connect(target: string, options: Omit<ConnectGrpcTargetOptions, 'signal'> = {}): Promise<ClientConnection> {
    const as = String(this.#connections++);
    await this.ask({ do: 'connect', as, target, options: { authority: AUTHORITY, ...options } });
    return new ClientConnection(this, as);
  }

  async ask(command: Command): Promise<Reply> {
    const reply = await this.#child.ask(command);
    if (typeof reply === 'object' && 'error' in reply) throw new Error(`${reply.error.code}: ${reply.error.message}`);
    return reply;
  }
}

/** A connection of a {@link ClientProcess}. */
export class ClientConnection {
  readonly #process: ClientProcess;
  readonly #as: string;

  constructor(process: ClientProcess, as: string) {
    this.#process = process;
    this.#as = as;
  }

  /** Makes one call. */
  async call({ deadlineMs = 30_000 } = {}): Promise<Outcome> {
    const [outcome] = (await this.#process.ask({ do: 'call', as: this.#as, deadlineMs })) as Outcome[];
    if (outcome === undefined) throw new Error('no call was made');
    return outcome;
  }

  /** Begins to call without an end. */
  async load(deadlineMs: number): Promise<void> {
    await this.#process.ask({ do: 'load', as: this.#as, deadlineMs });
  }

  /** The calls of the load that have ended since the last time. */
  async take(): Promise<Outcome[]> {
    return (await this.#ask('take')) as Outcome[];
  }

  /** How many connections the channel has. */
  async connections(): Promise<number> {
    return (await this.#ask('connections')) as number;
  }

  async close(): Promise<void> {
    await this.#ask('close');
  }

  #ask(what: 'take' | 'connections' | 'close'): Promise<Reply> {
    return this.#process.ask({ do: what, as: this.#as });
  }
}
