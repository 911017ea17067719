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

/** A plain listener, closed after the test with all of its connections. */
export function plainServer(host: string, port = 0): Promise<Server> {
  return plainListener({ host, port });
}

/**
 * Runs `action` with the first of `count` free ports in a row, and again with others if another process takes one of
 * them meanwhile. The system does not choose such ports for the thousands of connections of other tests.
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

/** The command that starts another process with a transport. */
export const otherCommand = typescript(new URL('children/controlled.ts', import.meta.url));

/** Another process with a transport. */
export type OtherProcess = Child<Command, Reply>;

export function startOther(options?: ProgramOptions, command = otherCommand): Promise<OtherProcess> {
  return startControlled<Command, Reply>(command, options);
}
