// A process, worker thread or cluster worker that listens and closes on command and reports the result.
import { isMainThread, parentPort } from 'node:worker_threads';
import { TransportError } from '@rpcplugin/transport-core';
import { UnixSocketTransport } from '../../src/index.js';
import type { UnixSocketTransportOptions } from '../../src/index.js';

export type RacerCommand = { listen: UnixSocketTransportOptions } | 'close' | { cycle: UnixSocketTransportOptions };
/** The endpoint, an error code, or a confirmation. */
export type RacerReply = string;

let transport: UnixSocketTransport | undefined;

async function perform(command: RacerCommand): Promise<RacerReply> {
  if (command === 'close') {
    await transport?.close();
    return 'closed';
  }
  if ('cycle' in command) return cycle(command.cycle);
  transport = new UnixSocketTransport(command.listen);
  return transport.listen({ onConnection: (connection) => void connection.end() }).catch(codeOf);
}

/** Listens and closes until it is killed. */
async function cycle(options: UnixSocketTransportOptions): Promise<never> {
  for (let turn = 0; ; turn++) {
    const turning = new UnixSocketTransport(options);
    await turning.listen();
    await turning.close();
    if (turn === 0) reply('cycling');
  }
}

function codeOf(error: unknown): string {
  if (TransportError.isInstance(error)) return error.code;
  throw error;
}

function reply(text: RacerReply): void {
  if (isMainThread) process.send?.(text);
  else parentPort?.postMessage(text);
}

const onCommand = (command: RacerCommand): void => void perform(command).then(reply);
if (isMainThread) process.on('message', onCommand).on('disconnect', () => process.exit());
else parentPort?.on('message', onCommand);
// Only the mode of the socket keeps other users out, not the umask.
if (isMainThread) process.umask(0);
reply('ready');
