import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { readdirSync, readlinkSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { credentials as channelCredentials, ServerCredentials } from '@grpc/grpc-js';
import type { ChannelCredentials, ServerOptions } from '@grpc/grpc-js';
import { formatEndpoint, joinHostPort, parseEndpoint } from '@rpcplugin/endpoint-utils';
import { TransportError } from '@rpcplugin/transport-core';
import type { AcceptMessage, SocketTransport } from '@rpcplugin/transport-core';
import { TCPSocketTransport } from '@rpcplugin/transport-tcp';
import { UnixSocketTransport } from '@rpcplugin/transport-unix';
import { buildSync } from 'esbuild';
import { onTestFinished } from 'vitest';
import { connectGrpc, serveGrpc } from '../src/index.js';
import type { ConnectGrpcOptions, GrpcConnection, GrpcListener, ServeGrpcOptions } from '../src/index.js';
import { Probe, ProbeServer } from './service.js';
import type { ProbeClient } from './service.js';

export const networks = ['unix', 'tcp'] as const;
export type Network = (typeof networks)[number];
/** How long something may take that is to be prompt, in milliseconds, on a machine with other things to do. */
export const PROMPT_MS = 5000;

export const insecure = channelCredentials.createInsecure();
export const insecureServer = ServerCredentials.createInsecure();

/** A new directory, removed when the test is over. */
export async function freshDirectory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'grpc-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** A transport that is closed when the test is over. */
export async function transportOf(network: Network): Promise<SocketTransport> {
  const transport =
    network === 'tcp' ? new TCPSocketTransport() : new UnixSocketTransport({ directory: await freshDirectory() });
  onTestFinished(() => transport.close({ graceMs: 0 }));
  return transport;
}

/** An endpoint that nobody listens on: of a socket in a new directory, or with a port that was free a moment ago. */
export async function freeEndpoint(network: Network): Promise<string> {
  if (network === 'unix') return `unix:${join(await freshDirectory(), 'late.sock')}`;
  const server = createServer().listen({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return joinHostPort('127.0.0.1', port);
}

/** A transport that listens on that very endpoint. */
export function transportAt(endpoint: string): SocketTransport {
  const parts = parseEndpoint(endpoint);
  const transport = parts.network === 'unix' ? new UnixSocketTransport(parts) : new TCPSocketTransport(parts);
  onTestFinished(() => transport.close({ graceMs: 0 }));
  return transport;
}

export interface PluginOptions {
  name?: string;
  credentials?: ServerCredentials;
  server?: ServerOptions;
  transport?: SocketTransport;
  serve?: ServeGrpcOptions;
  /** A server that others serve already. */
  probe?: ProbeServer;
}

/** A plugin in this process: a server with the test services on a transport. */
export interface Plugin {
  readonly probe: ProbeServer;
  readonly transport: SocketTransport;
  readonly listener: GrpcListener;
  readonly endpoint: string;
  /** The connections that were accepted so far. */
  readonly accepted: readonly Socket[];
}

/** Starts a plugin that is stopped when the test is over. */
export async function startPlugin(network: Network, options: PluginOptions = {}): Promise<Plugin> {
  const transport = options.transport ?? (await transportOf(network));
  const probe = options.probe ?? new ProbeServer(options.name ?? network, options.server);
  const accepted = acceptedBy(transport);
  const listener = await serveGrpc(probe.server, transport, options.credentials ?? insecureServer, options.serve);
  onTestFinished(() => listener.close({ graceMs: 0 }).catch(() => undefined));
  return { probe, transport, listener, endpoint: listener.endpoint, accepted };
}

function acceptedBy(transport: SocketTransport): Socket[] {
  const sockets: Socket[] = [];
  const onAccept = (message: unknown): void => {
    const { connection, transport: acceptor } = message as AcceptMessage;
    if (acceptor === transport && connection instanceof Socket) sockets.push(connection);
  };
  subscribe('rpcplugin:transport:accept', onAccept);
  onTestFinished(() => {
    unsubscribe('rpcplugin:transport:accept', onAccept);
  });
  return sockets;
}

/** A connection that is closed when the test is over. */
export async function connected(
  target: string,
  credentials: ChannelCredentials = insecure,
  options?: ConnectGrpcOptions,
): Promise<GrpcConnection> {
  const connection = await connectGrpc(target, credentials, options);
  onTestFinished(() => {
    connection.close();
  });
  return connection;
}

export async function probeClient(...of: Parameters<typeof connected>): Promise<ProbeClient> {
  return (await connected(...of)).client(Probe);
}

/** A plain listener, closed when the test is over with all of its connections. */
export interface PlainServer {
  readonly endpoint: string;
  /** Every connection that was accepted so far. */
  readonly sockets: readonly Socket[];
  /** The next connection. */
  nextSocket(): Promise<Socket>;
  close(): void;
}

/** @param at - Where it listens. Default: somewhere new. */
export async function plainServer(
  network: Network,
  onConnection: (socket: Socket) => void = () => undefined,
  at?: string,
): Promise<PlainServer> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket.on('error', () => undefined));
    onConnection(socket);
  });
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const parts = parseEndpoint(at ?? (network === 'unix' ? await freeEndpoint(network) : 'tcp:127.0.0.1:0'));
  server.listen(parts);
  await once(server, 'listening');
  const bound = server.address() ?? '';
  const endpoint = formatEndpoint(
    typeof bound === 'string' ? parts : { network: 'tcp', host: '127.0.0.1', port: bound.port },
  );
  return {
    endpoint,
    sockets,
    nextSocket: () => new Promise((resolve) => server.once('connection', resolve)),
    close: () => void server.close(),
  };
}

/** A plain connection to an endpoint, destroyed when the test is over. */
export async function plainConnection(endpoint: string): Promise<Socket> {
  const parts = parseEndpoint(endpoint);
  const socket = connect(parts.network === 'unix' ? { path: parts.path } : { host: parts.host, port: parts.port });
  socket.on('error', () => undefined);
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  return socket;
}

/** Resolves once the stream has closed, if it has already too; what it holds is read and thrown away. */
export async function closed(stream: Duplex): Promise<void> {
  stream.resume();
  if (!stream.closed) await once(stream, 'close');
}

/** Resolves once the condition holds; rejects if it does not within `timeoutMs`. */
export async function until(condition: () => boolean | Promise<boolean>, timeoutMs = 10_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${condition.toString()}`);
    await sleep(1);
  }
}

/** How many milliseconds it takes until what an action returns has settled. */
export async function durationOf(action: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await action().catch(() => undefined);
  return performance.now() - started;
}

/** Whether a promise settles by itself, without any I/O or timer. */
export async function settlesWithoutIO(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const settle = (): void => {
    settled = true;
  };
  promise.then(settle, settle);
  await new Promise<void>((resolve) => {
    process.nextTick(resolve);
  });
  return settled;
}

/** What a promise rejects with, which must be a `TransportError`. */
export async function failure(promise: Promise<unknown>): Promise<TransportError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (TransportError.isInstance(error)) return error;
  throw new Error('expected a TransportError', { cause: error });
}

/** The status code that a call fails with. */
export async function statusOf(promise: Promise<unknown>): Promise<unknown> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof Error && 'code' in error) return error.code;
  throw new Error('expected a ServiceError', { cause: error });
}

/** What the sockets among this process's descriptors are; each has its inode in its name. */
export function openSockets(): Set<string> {
  const targets = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      // That of the listing itself.
      return '';
    }
  });
  return new Set(targets.filter((target) => target.startsWith('socket:')));
}

/** Resolves once this process holds no socket that it did not hold before. */
export async function noSocketsLeft(before: ReadonlySet<string>, timeoutMs?: number): Promise<void> {
  await until(() => [...openSockets()].every((socket) => before.has(socket)), timeoutMs);
}

export interface Child {
  readonly process: ChildProcess;
  /** The next message that it sends. */
  message(): Promise<unknown>;
  /** Its exit code, or the signal that ended it, and what it wrote on standard error. */
  readonly exited: Promise<{ result: unknown; errors: string }>;
  kill(): Promise<void>;
}

/** Runs a file of `children/`, against the sources. It is killed when the test is over, if it still runs. */
export function startChild(file: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = process.env): Child {
  const script = fileURLToPath(new URL(`children/${file}`, import.meta.url));
  return spawnChild([process.execPath, '--conditions=@rpcplugin/source', '--import', 'tsx', script, ...args], env);
}

/**
 * Runs a file of `children/` as {@link startChild} does, with a limit on its descriptors; bundled, as a loader of TypeScript would open
 * and close files in threads of its own.
 */
export async function startLimitedChild(file: string, args: readonly string[], descriptors: number): Promise<Child> {
  const script = join(await freshDirectory(), `${file}.cjs`);
  buildSync({
    entryPoints: [fileURLToPath(new URL(`children/${file}`, import.meta.url))],
    outfile: script,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    conditions: ['@rpcplugin/source'],
  });
  return spawnChild(['sh', '-c', `ulimit -n ${descriptors}; exec "$@"`, 'sh', process.execPath, script, ...args]);
}

function spawnChild([program, ...args]: [string, ...string[]], env: NodeJS.ProcessEnv = process.env): Child {
  const child = spawn(program, args, {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    env,
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let errors = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const exited = once(child, 'close').then(([code, signal]: unknown[]) => ({ result: code ?? signal, errors }));
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await exited;
  };
  onTestFinished(kill);
  const message = async (): Promise<unknown> => {
    const ended = exited.then(({ result }) => {
      throw new Error(`the child ended with ${String(result)}: ${errors}`);
    });
    const [value] = (await Promise.race([once(child, 'message'), ended])) as unknown[];
    return value;
  };
  return { process: child, message, exited, kill };
}
