import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import cluster from 'node:cluster';
import { once } from 'node:events';
import type { EventEmitter } from 'node:events';
import { Worker } from 'node:worker_threads';
import { onTestFinished } from 'vitest';
import type { RacerCommand, RacerReply } from './children/racer.js';

/** A process, worker thread or cluster worker with its own transport. */
export interface Racer {
  ask(command: RacerCommand): Promise<RacerReply>;
  /** Ends it without cleanup. */
  kill(): Promise<void>;
}

export type StartRacer = (file: string) => Promise<Racer>;

export const startProcess: StartRacer = (file) => ofProcess(fork(file));

export const startThread: StartRacer = async (file) => {
  const worker = new Worker(file);
  const kill = async (): Promise<void> => {
    await worker.terminate();
  };
  onTestFinished(kill);
  return ready(
    worker,
    (command) => {
      worker.postMessage(command);
    },
    kill,
  );
};

export const startClusterWorker: StartRacer = (file) => {
  cluster.setupPrimary({ exec: file, execArgv: [] });
  return ofProcess(cluster.fork().process);
};

async function ofProcess(child: ChildProcess): Promise<Racer> {
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  onTestFinished(kill);
  return ready(child, (command) => child.send(command), kill);
}

async function ready(
  source: EventEmitter,
  send: (command: RacerCommand) => void,
  kill: () => Promise<void>,
): Promise<Racer> {
  const reply = async (): Promise<RacerReply> => {
    const [text] = (await once(source, 'message')) as [RacerReply];
    return text;
  };
  await reply();
  return {
    ask: (command) => {
      send(command);
      return reply();
    },
    kill,
  };
}
