// The host of plugins on other machines: it calls them as its parent asks, with `connectGrpcTarget`.
// Argument: the directory of the certificates.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { credentials } from '@grpc/grpc-js';
import { KV } from '@rpcplugin/example-kv/protos';
import { answerParent } from '@rpcplugin/test-support/process';
import { connectGrpcTarget } from '@rpcplugin/transport-grpc';
import type { ConnectGrpcTargetOptions, GrpcConnection } from '@rpcplugin/transport-grpc';
import { askMachine, Load } from './load.js';
import type { Outcome } from './load.js';

/** A connection has a name, by which later commands refer to it. */
export type Command =
  | { do: 'connect'; as: string; target: string; options: Omit<ConnectGrpcTargetOptions, 'signal'> }
  | { do: 'call' | 'load'; as: string; deadlineMs: number }
  | { do: 'take' | 'connections' | 'close'; as: string };

/** The outcomes of calls, or the number of a channel's connections. */
export type Reply = Outcome[] | number;

const [directory = '.'] = process.argv.slice(2);
const read = (name: string): Buffer => readFileSync(join(directory, name));
const mutualTls = credentials.createSsl(read('authority.crt'), read('host.key'), read('host.crt'));

const connections = new Map<string, { connection: GrpcConnection; load?: Load }>();

async function perform(command: Command): Promise<Reply> {
  if (command.do === 'connect') {
    const connection = await connectGrpcTarget(command.target, mutualTls, command.options);
    connections.set(command.as, { connection });
    return connection.connections;
  }
  const entry = connections.get(command.as);
  if (entry === undefined) throw new Error(`no connection ${command.as}`);
  const { connection } = entry;
  switch (command.do) {
    case 'call':
      return [await askMachine(connection.client(KV), command.deadlineMs)];
    case 'load':
      entry.load = new Load(connection.client(KV), command.deadlineMs);
      return [];
    case 'take':
      return (await entry.load?.take()) ?? [];
    case 'connections':
      return connection.connections;
    case 'close':
      entry.load?.stop();
      connections.delete(command.as);
      await connection.close();
      return connection.connections;
  }
}

answerParent(perform);
