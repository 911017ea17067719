// Either end of gRPC calls, with grpc-js alone or with this project's packages: `grpc.js <library> <network>`.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { credentials, Server, ServerCredentials } from '@grpc/grpc-js';
import type { ClientReadableStream, ServerWritableStream } from '@grpc/grpc-js';
import type { Transport } from '@rpcplugin/transport-core';
import { connectGrpc, serveGrpc } from '@rpcplugin/transport-grpc';
import { TCPSocketTransport } from '@rpcplugin/transport-tcp';
import { UnixSocketTransport } from '@rpcplugin/transport-unix';
import { serveCommands } from './commands.js';
import { BenchClient, callEcho, echo, service } from './grpc-service.js';
import { memory } from './memory.js';

const [, , library, network] = process.argv;
const isOurs = library === 'transport';

let client: BenchClient | undefined;
let servers = 0;
/** Clients of several servers. */
const held: BenchClient[] = [];

serveCommands({
  listen: async (directory: string) => {
    const server = new Server();
    server.addService(service, {
      Echo: echo,
      Download: (call: ServerWritableStream<Buffer, Buffer>) => void send(call),
    });
    const security = ServerCredentials.createInsecure();
    if (isOurs) {
      return (await serveGrpc(server, newTransport(directory), security)).endpoint;
    }
    const target =
      network === 'unix' ? `unix:${join(directory, `grpc-${process.pid}-${servers++}.sock`)}` : '127.0.0.1:0';
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync(target, security, (error, bound) => {
        if (error) reject(error);
        else resolve(bound);
      });
    });
    return network === 'unix' ? target : `127.0.0.1:${port}`;
  },

  /** Connects to one more server, calls it, and keeps the connection. */
  hold: async (target: string) => {
    const to = await connectTo(target);
    await callEcho(to, MESSAGE);
    held.push(to);
  },

  memory,

  /** How often a second the main thread wakes up while nothing is asked of it. */
  wakeUps: async (seconds: number) => {
    const before = await timesAsleep();
    await sleep(seconds * 1000);
    return ((await timesAsleep()) - before) / seconds;
  },

  /** Microseconds per call, one at a time. */
  latency: async (target: string, count: number) => {
    const to = await dial(target);
    const started = performance.now();
    for (let i = 0; i < count; i++) await callEcho(to, MESSAGE);
    return ((performance.now() - started) * 1000) / count;
  },

  /** Calls per second, `atOnce` of them concurrently. */
  rate: async (target: string, count: number, atOnce: number) => {
    const to = await dial(target);
    const started = performance.now();
    let left = count;
    await Promise.all(
      Array.from({ length: atOnce }, async () => {
        while (left-- > 0) await callEcho(to, MESSAGE);
      }),
    );
    return (count * 1000) / (performance.now() - started);
  },

  /** Megabytes per second of a download in messages of `messageBytes` bytes. */
  download: async (target: string, bytes: number, messageBytes: number) => {
    const to = await dial(target);
    const started = performance.now();
    const request = Buffer.from(`${bytes} ${messageBytes}`);
    const call = to['Download']?.(request) as ClientReadableStream<Buffer>;
    let received = 0;
    for await (const message of call as AsyncIterable<Buffer>) received += message.length;
    if (received < bytes) throw new Error(`received only ${received} bytes`);
    return received / 1000 / (performance.now() - started);
  },
});

function newTransport(directory?: string): Transport {
  return network === 'unix' ? new UnixSocketTransport({ directory }) : new TCPSocketTransport();
}

async function dial(target: string): Promise<BenchClient> {
  return (client ??= await connectTo(target));
}

async function connectTo(target: string): Promise<BenchClient> {
  const security = credentials.createInsecure();
  if (!isOurs) return new BenchClient(target, security);
  return (await connectGrpc(newTransport(), target, security)).client(BenchClient);
}

/** How often the main thread has waited. */
async function timesAsleep(): Promise<number> {
  const status = await readFile(`/proc/self/task/${process.pid}/status`, 'utf8');
  return Number(/^voluntary_ctxt_switches:\s+(\d+)$/m.exec(status)?.[1]);
}

const MESSAGE = Buffer.alloc(64);

async function send(call: ServerWritableStream<Buffer, Buffer>): Promise<void> {
  const [bytes = 0, messageBytes = 0] = call.request.toString().split(' ').map(Number);
  const message = Buffer.alloc(messageBytes);
  for (let left = bytes; left > 0; left -= messageBytes) {
    if (!call.write(message)) await new Promise((resolve) => call.once('drain', resolve));
  }
  call.end();
}
