import type { Socket } from 'node:net';
import type { MessageOptions } from 'node:child_process';
import { typescript } from './bundle.js';
import { Child } from './child.js';
import type { ProgramOptions } from './program.js';

/** A process that takes sockets and echoes what they receive. */
export class SocketTaker extends Child {
  constructor(options?: ProgramOptions) {
    super(typescript(new URL('socket-taker.ts', import.meta.url)), options);
  }

  /** Hands a socket over. Resolves once it is sent: this process no longer has it. */
  async take(socket: Socket, options: MessageOptions = {}): Promise<void> {
    await this.unlessEnded(
      new Promise<void>((resolve, reject) => {
        this.process.send('take', socket, options, (error) => {
          if (error === null) resolve();
          else reject(error);
        });
      }),
    );
  }
}
