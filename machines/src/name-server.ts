// A name server whose names change while it runs: dnsmasq.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { until } from '@rpcplugin/test-support';
import type { Program } from '@rpcplugin/test-support';
import type { Lan } from './lan.js';

export interface NameServerOptions {
  /** An empty directory for its files. */
  readonly directory: string;
  /** TXT records, by name. */
  readonly texts?: Readonly<Record<string, string>>;
}

export class NameServer {
  readonly address: string;
  readonly #hosts: string;
  readonly #program: Program;

  private constructor(address: string, hosts: string, program: Program) {
    this.address = address;
    this.#hosts = hosts;
    this.#program = program;
  }

  /** Starts it on the machine of the bridge, without names. */
  static async start(lan: Lan, { directory, texts = {} }: NameServerOptions): Promise<NameServer> {
    const hosts = join(directory, 'hosts');
    const config = join(directory, 'dnsmasq.conf');
    const quote = (text: string): string => `"${text.replaceAll('"', '\\"')}"`;
    await writeFile(hosts, '');
    await writeFile(
      config,
      [
        'no-resolv',
        'no-hosts',
        'bind-interfaces',
        `listen-address=${lan.ipv4}`,
        `addn-hosts=${hosts}`,
        ...Object.entries(texts).map(([name, text]) => `txt-record=${name},${quote(text)}`),
      ].join('\n'),
    );
    // `--no-daemon` keeps the user: another one would not be killed with this process.
    const program = lan.start(['dnsmasq', '--no-daemon', '--log-facility=-', `--conf-file=${config}`]);
    await until(() => program.output.includes(`read ${hosts}`));
    return new NameServer(lan.ipv4, hosts, program);
  }

  get pid(): number | undefined {
    return this.#program.process.pid;
  }

  /** Replaces all names, each by its addresses. */
  async set(names: Readonly<Record<string, readonly string[]>>): Promise<void> {
    const lines = Object.entries(names).flatMap(([name, addresses]) => addresses.map((each) => `${each} ${name}\n`));
    await writeFile(this.#hosts, lines.join(''));
    const before = this.#program.output.length;
    this.#program.process.kill('SIGHUP');
    await until(() => this.#program.output.slice(before).includes(`read ${this.#hosts}`));
  }
}
