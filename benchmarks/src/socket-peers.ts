import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Program, programFile } from './program.js';
import type { Network } from './programs/socket-library.js';

const run = promisify(execFile);

/** How to start a program: a command and its arguments. */
export type Command = readonly [string, ...string[]];

/** The command of a program in `programs/`, with Node. */
export function nodeCommand(name: string, ...args: string[]): Command {
  return [process.execPath, programFile(name), ...args];
}

/** The library that a pair uses, and the command that starts either end. */
export interface PairCommand {
  readonly name: string;
  readonly command: Command;
}

/** A server and a client of one library, each in its own process on its own processor. */
export class Pair implements AsyncDisposable {
  readonly server: Program;
  readonly client: Program;
  address = '';

  constructor([command, ...args]: Command) {
    this.server = new Program(command, args, 0);
    this.client = new Program(command, args, 1);
  }

  async listen(directory: string): Promise<this> {
    this.address = await this.server.call('listen', directory);
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.client[Symbol.asyncDispose](), this.server[Symbol.asyncDispose]()]);
  }
}

/** The name of this project's package for a network. */
export function packageOf(network: Network): string {
  return `transport-${network}`;
}

export function ourPair(network: Network): PairCommand {
  return { name: packageOf(network), command: nodeCommand('sockets', 'transport', network) };
}

export function barePair(network: Network): PairCommand {
  return { name: 'node:net', command: nodeCommand('sockets', 'bare', network) };
}

/** Bare sockets with a time limit for connects. */
export function limitedPair(network: Network): PairCommand {
  return { name: 'node:net with a time limit', command: nodeCommand('sockets', 'limited', network) };
}

/** Bare sockets, published safely on unix, as a baseline for goals that allow for that. */
export function publishingPair(network: Network): PairCommand {
  if (network === 'tcp') return barePair(network);
  return { name: 'node:net, published by hand', command: nodeCommand('sockets', 'publishing', network) };
}

/** The pairs in other languages that this machine can run. */
export async function foreignPairs(network: Network, directory: string): Promise<PairCommand[]> {
  const pairs: PairCommand[] = [];
  if (await has('go', 'version')) {
    const program = join(directory, 'go-net');
    await run('go', ['build', '-o', program, source('net.go')]);
    pairs.push({ name: 'Go net', command: [program, network] });
  }
  if (await has('python3', '--version')) {
    pairs.push({ name: 'Python asyncio', command: ['python3', source('asyncio_streams.py'), network] });
  }
  return pairs;
}

/** The source of a program that tsup does not build. */
function source(name: string): string {
  return fileURLToPath(new URL(`../src/programs/${name}`, import.meta.url));
}

async function has(command: string, argument: string): Promise<boolean> {
  return run(command, [argument]).then(
    () => true,
    () => false,
  );
}
