import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import type { ContractVariant } from './contract.js';
import type { Child } from './support.js';
import { startChild } from './support.js';

/**
 * A listener in a process that is stuck, and whose backlog is full: whoever connects is neither let in nor turned away. (The
 * kernel holds one connection more than a backlog says.)
 */
export class BusyListener {
  readonly endpoint: string;
  readonly #child: Child;
  readonly #waiting: readonly Socket[];

  private constructor(endpoint: string, child: Child, waiting: readonly Socket[]) {
    this.endpoint = endpoint;
    this.#child = child;
    this.#waiting = waiting;
  }

  static async start(name: string, env: NodeJS.ProcessEnv, variant: ContractVariant): Promise<BusyListener> {
    const child = startChild('contract-child.ts', ['busy', name], env);
    const endpoint = await child.line;
    const place = await variant.open();
    const waiting: Socket[] = [];
    for (let i = 0; i < 2; i++) {
      const socket = connect(place.netOptions(endpoint));
      await once(socket, 'connect');
      waiting.push(socket.on('error', () => undefined));
    }
    await place.close();
    return new BusyListener(endpoint, child, waiting);
  }

  async end(): Promise<void> {
    // It is stuck until its input ends.
    this.#child.process.stdin?.end();
    for (const socket of this.#waiting) socket.destroy();
    await this.#child.exited;
  }
}
