import { randomInt } from 'node:crypto';
import type { Server } from 'node:net';
import { fileURLToPath } from 'node:url';
import { closeAfterTest, closeServer, plainListener, startControlled, typescript } from '@rpcplugin/test-support';
import type { Child, ProgramOptions } from '@rpcplugin/test-support';
import { TCPSocketTransport } from '../src/index.js';
import type { TCPSocketTransportOptions } from '../src/index.js';
import type { Command, Reply } from './children/controlled.js';

export const packageDirectory = fileURLToPath(new URL('..', import.meta.url));

/** A transport that is closed after the test. */
export function transport(options?: TCPSocketTransportOptions): TCPSocketTransport {
  return closeAfterTest(new TCPSocketTransport(options));
}

/** Starts a plain listener that is closed after the test, with its connections. */
export function plainServer(host: string, port = 0): Promise<Server> {
  return plainListener({ host, port });
}

/**
 * Runs `action` with the first of `count` consecutive free ports, and retries with others if another process takes
 * one of them meanwhile. They are outside the ephemeral range, which thousands of connections of other tests use.
 */
export async function withFreePorts(count: number, action: (base: number) => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const base = randomInt(10_000, 19_000);
    try {
      for (let port = base; port < base + count; port++) await closeServer(await plainServer('127.0.0.1', port));
      await action(base);
      return;
    } catch (error) {
      if (attempt === 5) throw error;
    }
  }
}

/** The command that starts a child process with a transport. */
export const childCommand = typescript(new URL('children/controlled.ts', import.meta.url));

/** A child process with a transport. */
export type TransportChild = Child<Command, Reply>;

export function startChild(options?: ProgramOptions, command = childCommand): Promise<TransportChild> {
  return startControlled<Command, Reply>(command, options);
}
