// Machines on a network of their own, as Linux network namespaces on a bridge. Nothing of it has a name outside: it
// consists of processes that end with this one, however this one ends, and the kernel removes it with the last of them.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Program } from '@rpcplugin/test-support';
import type { CommandLine, ProgramOptions } from '@rpcplugin/test-support';

type WhenOver = NonNullable<ProgramOptions['whenOver']>;

/** What runs a machine: `unshare` with these namespaces. */
const NAMESPACES = ['--net', '--mount', '--uts'];

/** A machine with a network, a host name and mounts of its own. */
export class Machine {
  readonly name: string;
  readonly #holder: Program;
  readonly #whenOver: WhenOver;

  protected constructor(name: string, holder: Program, whenOver: WhenOver) {
    this.name = name;
    this.#holder = holder;
    this.#whenOver = whenOver;
  }

  /** Starts the process that the namespaces last with. It ends with its standard input. */
  protected static async hold(name: string, whenOver: WhenOver): Promise<Program> {
    const script = 'hostname "$0" && ip link set lo up && echo ready && exec cat';
    const holder = new Program(['unshare', ...NAMESPACES, 'sh', '-c', script, name], { whenOver });
    await holder.printed(/ready/);
    return holder;
  }

  /** The process that the namespaces last with. */
  get pid(): number {
    return this.#holder.process.pid ?? -1;
  }

  /** The command line that runs a command on this machine. Killed when this process ends, even by SIGKILL. */
  command(command: CommandLine): CommandLine {
    const inside = ['nsenter', '--target', String(this.pid), '--net', '--mount', '--uts', '--', ...command];
    return ['setpriv', '--pdeathsig', 'KILL', ...inside];
  }

  /** Starts a program on this machine. It is killed after the test. */
  start(command: CommandLine, options: ProgramOptions = {}): Program {
    return new Program(this.command(command), { whenOver: this.#whenOver, ...options });
  }

  /** Runs a program on this machine to its end. Rejects if it fails. */
  async run(command: CommandLine, input = ''): Promise<void> {
    const program = this.start(command);
    program.process.stdin.end(input);
    const { status, stderr } = await program.ended;
    if (status !== 0) throw new Error(`${command.join(' ')} ended with ${status}: ${stderr}`);
  }

  /** Runs commands of ip(8). */
  async ip(...commands: string[]): Promise<void> {
    await this.run(['ip', '-batch', '-'], commands.join('\n'));
  }
}

/** A machine that is connected to a {@link Lan}. */
export class Host extends Machine {
  readonly ipv4: string;
  readonly ipv6: string;
  readonly #lan: Lan;

  private constructor(lan: Lan, name: string, number: number, holder: Program, whenOver: WhenOver) {
    super(name, holder, whenOver);
    this.#lan = lan;
    this.ipv4 = `10.77.0.${number}`;
    this.ipv6 = `fd77::${number}`;
  }

  /** @param number - The last part of its addresses. */
  static async start(lan: Lan, name: string, number: number, whenOver: WhenOver): Promise<Host> {
    const host = new Host(lan, name, number, await Machine.hold(name, whenOver), whenOver);
    await lan.ip(`link add ${name} type veth peer name eth0 netns ${host.pid}`, `link set ${name} master lan up`);
    // `nodad`: usable at once.
    await host.ip(...addressesOf(host, 'eth0'), 'link set eth0 up');
    return host;
  }

  /** Pulls the cable: packets in both directions are lost, and nobody is told. */
  unplug(): Promise<void> {
    return this.#lan.ip(`link set ${this.name} down`);
  }

  /** Puts the cable back in. */
  plug(): Promise<void> {
    return this.#lan.ip(`link set ${this.name} up`);
  }
}

function addressesOf({ ipv4, ipv6 }: { ipv4: string; ipv6: string }, link: string): string[] {
  return [`addr add ${ipv4}/24 dev ${link}`, `addr add ${ipv6}/64 dev ${link} nodad`];
}

/** A bridge, and the machine that it is on, for programs that reach the hosts. */
export class Lan extends Machine {
  readonly ipv4 = '10.77.0.1';
  readonly ipv6 = 'fd77::1';
  readonly #whenOver: WhenOver;
  #hosts = 0;

  private constructor(holder: Program, whenOver: WhenOver) {
    super('lan', holder, whenOver);
    this.#whenOver = whenOver;
  }

  /** @param whenOver - Registers what ends it, such as `afterAll`. */
  static async start(whenOver: WhenOver): Promise<Lan> {
    const lan = new Lan(await Machine.hold('lan', whenOver), whenOver);
    await lan.ip('link add lan type bridge', ...addressesOf(lan, 'lan'), 'link set lan up');
    return lan;
  }

  /** Connects another machine. */
  addHost(name: string): Promise<Host> {
    return Host.start(this, name, 11 + this.#hosts++, this.#whenOver);
  }

  addHosts(...names: string[]): Promise<Host[]> {
    return Promise.all(names.map((name) => this.addHost(name)));
  }

  /** Gives the programs on this machine a name server, with a file in `directory` for /etc/resolv.conf. */
  async useNameServer(address: string, directory: string): Promise<void> {
    const file = join(directory, 'resolv.conf');
    await writeFile(file, `nameserver ${address}\n`);
    await this.run(['mount', '--bind', file, '/etc/resolv.conf']);
  }
}
