// A host that launches a plugin and calls it: `stdio.js <medium> <directory>`. As the plugin: `stdio.js <medium> <path>
// plugin`.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { credentials, Server, ServerCredentials } from '@grpc/grpc-js';
import type { Transport } from '@rpcplugin/transport-core';
import { connectGrpc, serveGrpc } from '@rpcplugin/transport-grpc';
import { StdioTransport } from '@rpcplugin/transport-stdio';
import { UnixSocketTransport } from '@rpcplugin/transport-unix';
import { pinTo } from '../program.js';
import { serveCommands } from './commands.js';
import { BenchClient, callEcho, echo, service } from './grpc-service.js';

const [, program = '', medium = '', place = '', role] = process.argv;

if (role === 'plugin') {
  const server = new Server();
  server.addService(service, { Echo: echo });
  const listener = await serveGrpc(server, pluginTransport(), ServerCredentials.createInsecure());
  listener.onDisconnect(() => void listener.close());
  // Its host may end before it connects.
  if (medium === 'unix') process.stdin.resume().on('end', () => process.exit());
} else {
  serveCommands({ start, rate });
}

function pluginTransport(): Transport {
  switch (medium) {
    case 'unix':
      return new UnixSocketTransport({ path: place });
    case 'descriptor 3':
      return new StdioTransport();
    default:
      return new StdioTransport({ input: 0, output: 1 });
  }
}

let client: BenchClient | undefined;

/** Launches a plugin and connects to it. */
async function start(): Promise<void> {
  const path = join(place, `stdio-${process.pid}.sock`);
  const [command, ...args] = [...pinTo(0), process.execPath, program, medium, path, 'plugin'];
  const plugin = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit', 'pipe'] });
  await once(plugin, 'spawn');
  const { stdin: output, stdout: input } = plugin;
  if (input === null || output === null) throw new Error('unreachable');
  const transport =
    medium === 'unix'
      ? new UnixSocketTransport()
      : new StdioTransport(medium === 'descriptor 3' ? { duplex: plugin.stdio[3] as Duplex } : { input, output });
  const endpoint = medium === 'unix' ? `unix:${path}` : 'stdio:';
  const patient = { timeoutMs: 30_000, waitMs: 30_000 };
  client = (await connectGrpc(transport, endpoint, credentials.createInsecure(), patient)).client(BenchClient);
}

/** Calls per second with messages of `bytes` bytes, `atOnce` of them concurrently. */
async function rate(count: number, bytes: number, atOnce: number): Promise<number> {
  const to = client;
  if (to === undefined) throw new Error('it has not started');
  const message = Buffer.alloc(bytes);
  const started = performance.now();
  let left = count;
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (left-- > 0) await callEcho(to, message);
    }),
  );
  return (count * 1000) / (performance.now() - started);
}
