import { once } from 'node:events';
import type { Answer, Question } from './answering.js';
import type { CommandLine } from './command-line.js';
import { Program } from './program.js';
import type { Ending, ProgramOptions } from './program.js';

/** A Node process that exchanges messages with this one. */
export class Child<Command = never, Reply = never> extends Program {
  #questions = 0;

  constructor(command: CommandLine, options?: ProgramOptions) {
    super(command, options, ['pipe', 'pipe', 'pipe', 'ipc']);
    // Several questions can be open at once.
    this.process.setMaxListeners(0);
  }

  /** Resolves with the next message from the child. */
  async message(): Promise<unknown> {
    const [message] = (await this.unlessEnded(once(this.process, 'message'))) as unknown[];
    return message;
  }

  /** Sends a command to `answerParent` in the child. Rejects if the child ends without an answer. */
  async ask(command: Command): Promise<Reply> {
    const id = this.#send(command);
    const answered = new Promise<Reply>((resolve) => {
      const onMessage = (answer: Answer<Reply>): void => {
        if (answer.id !== id) return;
        this.process.off('message', onMessage);
        resolve(answer.reply);
      };
      this.process.on('message', onMessage);
    });
    return this.unlessEnded(answered);
  }

  /** Sends a command that ends the child. */
  async end(command: Command): Promise<Ending> {
    this.#send(command);
    return this.ended;
  }

  #send(command: Command): number {
    const id = this.#questions++;
    this.process.send({ id, command } satisfies Question<Command>);
    return id;
  }
}

/** Starts a child, which is killed after the test. */
export function startChild(command: CommandLine, options?: ProgramOptions): Child {
  return new Child(command, options);
}

/** Starts a child that calls `answerParent`, and waits until it does. */
export async function startControlled<Command, Reply>(
  command: CommandLine,
  options?: ProgramOptions,
): Promise<Child<Command, Reply>> {
  const child = new Child<Command, Reply>(command, options);
  await child.message();
  return child;
}
