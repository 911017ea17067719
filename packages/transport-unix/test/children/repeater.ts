// A child process, with worker threads on demand, that listens again and again and counts what goes wrong.
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import type { Socket } from 'node:net';
import { devNull } from 'node:os';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { answerParent, turns } from '@rpcplugin/test-support/process';
import { messageOf } from '@rpcplugin/transport-base';
import { TransportError } from '@rpcplugin/transport-core';
import { createSocketDirectory, UnixSocketTransport } from '../../src/index.js';
import type { UnixSocketTransportOptions } from '../../src/index.js';

export interface Repetition {
  do: 'repeat';
  times: number;
  /** In how many worker threads at the same time. Default: in the main thread. */
  threads?: number;
  options?: UnixSocketTransportOptions;
  /** How many turns of the event loop to listen for, in which to look at the process. */
  turns?: number;
}

export type Command =
  | Repetition
  | { do: 'listen'; options: UnixSocketTransportOptions }
  /** Replies with the connections since it listens. */
  | { do: 'close' }
  /** Listens and closes until the process is killed. */
  | { do: 'cycle'; options: UnixSocketTransportOptions }
  /** Creates a directory for the sockets of a plugin, as a host does. Replies with its path. */
  | { do: 'create directory' }
  | { do: 'pretend Bun' };

export interface Reply {
  /** The endpoint, or an error code. */
  outcome: string;
  /** What went wrong: errors of listen and close, and of opening a file meanwhile. */
  failures: string[];
  /** How many connections the listeners got. */
  connections: number;
  /** How long the last listen took, in milliseconds. */
  listenMs: number;
  /** The most processor time that one turn of the event loop took, in milliseconds. */
  longestTurnMs: number;
}

const nothing: Reply = { outcome: '', failures: [], connections: 0, listenMs: 0, longestTurnMs: 0 };
let transport: UnixSocketTransport | undefined;
let connections = 0;

async function repeat(repetition: Repetition): Promise<Reply> {
  const reply: Reply = { ...nothing, failures: [] };
  for (let time = 0; time < repetition.times; time++) {
    const repeated = new UnixSocketTransport(repetition.options);
    const start = performance.now();
    try {
      await repeated.listen({
        onConnection: (connection) => {
          reply.connections++;
          connection.destroy();
        },
      });
      reply.listenMs = performance.now() - start;
      await observe(repetition.turns ?? 2, reply);
      await repeated.close();
    } catch (error) {
      reply.failures.push(messageOf(error));
      await repeated.close().catch(() => undefined);
    }
  }
  return reply;
}

async function observe(count: number, reply: Reply): Promise<void> {
  for (let turn = 0; turn < count; turn++) {
    const before = process.cpuUsage();
    await turns(1);
    const { user, system } = process.cpuUsage(before);
    reply.longestTurnMs = Math.max(reply.longestTurnMs, (user + system) / 1000);
    closeSync(openSync(devNull, 'r'));
  }
}

async function repeatInThreads({ threads = 0, ...repetition }: Repetition): Promise<Reply> {
  const replies = await Promise.all(
    Array.from({ length: threads }, async () => {
      const [reply] = (await once(new Worker(new URL(import.meta.url), { workerData: repetition }), 'message')) as [
        Reply,
      ];
      return reply;
    }),
  );
  return {
    ...nothing,
    failures: replies.flatMap(({ failures }) => failures),
    connections: replies.reduce((sum, { connections }) => sum + connections, 0),
  };
}

async function perform(command: Command): Promise<Reply> {
  switch (command.do) {
    case 'repeat':
      return command.threads === undefined ? repeat(command) : repeatInThreads(command);
    case 'listen':
      transport = new UnixSocketTransport(command.options);
      connections = 0;
      return { ...nothing, outcome: await transport.listen({ onConnection: count }).catch(codeOf) };
    case 'close':
      return { ...nothing, outcome: (await transport?.close().catch(codeOf)) ?? 'closed', connections };
    case 'cycle':
      void repeat({ do: 'repeat', times: Infinity, options: command.options, turns: 0 });
      return nothing;
    case 'create directory':
      return { ...nothing, outcome: (await createSocketDirectory()).path };
    case 'pretend Bun':
      Object.defineProperty(process, 'versions', { value: { ...process.versions, bun: '1.2.0' } });
      return nothing;
  }
}

function count(connection: Socket): void {
  connections++;
  connection.destroy();
}

function codeOf(error: unknown): string {
  if (TransportError.isInstance(error)) return error.code;
  throw error;
}

if (isMainThread) answerParent(perform);
else parentPort?.postMessage(await repeat(workerData as Repetition));
