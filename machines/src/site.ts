// Three machines with the plugin, and hosts of plugins that call them.
import { joinHostPort } from '@rpcplugin/endpoint-utils';
import type { ProgramOptions } from '@rpcplugin/test-support';
import { makeCertificates } from './certificates.js';
import { Lan } from './lan.js';
import type { Host } from './lan.js';
import { ClientProcess, PORT, startPlugin } from './programs.js';
import type { ClientOptions, PluginOptions } from './programs.js';

export interface SiteOptions {
  readonly whenOver: NonNullable<ProgramOptions['whenOver']>;
  /** The machines with the plugin. Default: one, two and three. */
  readonly names?: readonly string[];
  readonly plugin?: PluginOptions;
}

/** A machine with the plugin, and what can happen to both. */
export class PluginMachine {
  readonly host: Host;
  readonly #start: () => ReturnType<typeof startPlugin>;
  #program: Awaited<ReturnType<typeof startPlugin>> | undefined;

  constructor(host: Host, start: () => ReturnType<typeof startPlugin>) {
    this.host = host;
    this.#start = start;
  }

  get name(): string {
    return this.host.name;
  }

  async start(): Promise<void> {
    this.#program = await this.#start();
  }

  /** Lets the plugin finish its calls. */
  async stop(): Promise<void> {
    this.signal('SIGTERM');
    await this.#program?.ended;
  }

  async kill(): Promise<void> {
    await this.#program?.kill();
  }

  /** Resolves once the plugin has printed this. */
  async printed(pattern: RegExp): Promise<void> {
    await this.#program?.printed(pattern);
  }

  signal(name: NodeJS.Signals): void {
    this.#program?.process.kill(name);
  }
}

export class Site {
  readonly lan: Lan;
  /** Those that it began with. */
  machines: readonly PluginMachine[] = [];
  /** Has the certificates. */
  readonly directory: string;
  readonly #options: SiteOptions;

  private constructor(lan: Lan, directory: string, options: SiteOptions) {
    this.lan = lan;
    this.directory = directory;
    this.#options = options;
  }

  /** @param directory - Empty, for the certificates. */
  static async start(directory: string, options: SiteOptions): Promise<Site> {
    const [lan] = await Promise.all([Lan.start(options.whenOver), makeCertificates(directory)]);
    const site = new Site(lan, directory, options);
    site.machines = await Promise.all((options.names ?? ['one', 'two', 'three']).map((name) => site.addMachine(name)));
    return site;
  }

  /** Starts the plugin on one more machine. */
  async addMachine(name: string): Promise<PluginMachine> {
    const host = await this.lan.addHost(name);
    const machine = new PluginMachine(host, () => startPlugin(host, this.directory, this.#options.plugin));
    await machine.start();
    return machine;
  }

  /** Starts a host of plugins. */
  startClient(options?: ClientOptions): Promise<ClientProcess> {
    return ClientProcess.start(this.lan, this.directory, { whenOver: this.#options.whenOver, ...options });
  }

  /** The first machine: `pick_first` calls it. */
  get first(): PluginMachine {
    const [first] = this.machines;
    if (first === undefined) throw new Error('no machine');
    return first;
  }

  /** The machines that it began with, as one target. */
  list(family: 'ipv4' | 'ipv6' = 'ipv4'): string {
    return `${family}:${this.machines.map(({ host }) => joinHostPort(host[family], PORT)).join()}`;
  }
}
