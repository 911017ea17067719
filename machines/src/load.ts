// Calls at a steady rate, whether or not they are answered, and what becomes of them.
import { EventEmitter, once } from 'node:events';
import { status } from '@grpc/grpc-js';
import type { KVClient } from '@rpcplugin/example-kv/protos';

/** How often a group of calls begins, in milliseconds, and how many calls it has. */
const EVERY_MS = 200;
const AT_ONCE = 10;

/** What became of a call. */
export interface Outcome {
  /** When it began, as of `Date.now()`. */
  readonly at: number;
  readonly ms: number;
  /** The name of gRPC's status, `OK` if the call succeeded. */
  readonly status: string;
  /** The machine that answered. */
  readonly machine?: string | undefined;
  /** Whether it is one of a group that began at once, or of those that begin one after the other. */
  readonly way: 'at once' | 'in sequence';
}

/** Asks the plugin for the name of its machine. */
export function askMachine(
  client: KVClient,
  deadlineMs: number,
  way: Outcome['way'] = 'in sequence',
): Promise<Outcome> {
  const at = Date.now();
  return new Promise((resolve) => {
    client.Get({ key: 'machine' }, { deadline: at + deadlineMs }, (error, answer) => {
      const name = error === null ? 'OK' : status[error.code];
      resolve({ at, ms: Date.now() - at, status: name, machine: answer?.value.toString(), way });
    });
  });
}

/** Calls until it is stopped: groups of calls at once, and beside them one call after the other. */
export class Load {
  readonly #client: KVClient;
  readonly #deadlineMs: number;
  readonly #timer: NodeJS.Timeout;
  readonly #turns = new EventEmitter();
  #outcomes: Outcome[] = [];

  constructor(client: KVClient, deadlineMs: number) {
    this.#client = client;
    this.#deadlineMs = deadlineMs;
    let isCalling = false;
    this.#timer = setInterval(() => {
      this.#turns.emit('turn');
      for (let count = 0; count < AT_ONCE; count++) void this.#call('at once');
      if (isCalling) return;
      isCalling = true;
      void this.#call('in sequence').then(() => {
        isCalling = false;
      });
    }, EVERY_MS);
  }

  /** Resolves with the calls that have ended since the last time, once there may be new ones. */
  async take(): Promise<Outcome[]> {
    await once(this.#turns, 'turn');
    const outcomes = this.#outcomes;
    this.#outcomes = [];
    return outcomes;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #call(way: Outcome['way']): Promise<void> {
    const outcome = await askMachine(this.#client, this.#deadlineMs, way);
    this.#outcomes.push(outcome);
  }
}
