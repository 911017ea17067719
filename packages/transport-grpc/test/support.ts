import { once } from 'node:events';
import { connect, Socket } from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { credentials as channelCredentials, ServerCredentials } from '@grpc/grpc-js';
import type { ChannelCredentials, ServerOptions } from '@grpc/grpc-js';
import { formatEndpoint, joinHostPort, parseEndpoint } from '@rpcplugin/endpoint-utils';
import {
  closeAfterTest,
  freePort,
  freshDirectory,
  onDiagnostic,
  plainListener,
  portOf,
  socketsSince,
  typescript,
  until,
} from '@rpcplugin/test-support';
import type { CommandLine } from '@rpcplugin/test-support';
import type { Transport } from '@rpcplugin/transport-core';
import { TCPSocketTransport } from '@rpcplugin/transport-tcp';
import { MemoryTransport } from '@rpcplugin/transport-testkit';
import { UnixSocketTransport } from '@rpcplugin/transport-unix';
import { onTestFinished } from 'vitest';
import { connectGrpc, serveGrpc } from '../src/index.js';
import type { ConnectGrpcOptions, GrpcConnection, GrpcListener, ServeGrpcOptions } from '../src/index.js';
import { DuplexTransport } from './duplex-transport.js';
import { Probe, ProbeServer } from './service.js';
import type { ProbeClient } from './service.js';
import { transportTo } from './transport-to.js';

export const networks = ['unix', 'tcp'] as const;
/** `networks`, and connections that are no sockets. */
export const media = [...networks, 'duplex', 'memory'] as const;
export type Network = (typeof media)[number];
/** The time limit for a prompt action, in milliseconds: generous, for a busy machine. */
export const PROMPT_MS = 5000;

export const insecure = channelCredentials.createInsecure();
export const insecureServer = ServerCredentials.createInsecure();

/** A transport on a new address, closed after the test. */
export async function transportOf(network: Network): Promise<Transport> {
  return closeAfterTest(await newTransport(network));
}

async function newTransport(network: Network): Promise<Transport> {
  switch (network) {
    case 'tcp':
      return new TCPSocketTransport();
    case 'unix':
      return new UnixSocketTransport({ directory: await freshDirectory() });
    case 'duplex':
      return new DuplexTransport(join(await freshDirectory(), 'p.sock'));
    case 'memory':
      return new MemoryTransport();
  }
}

/** An endpoint without a listener: a socket in a new directory, or a port that was free a moment ago. */
export async function freeEndpoint(network: Network): Promise<string> {
  if (network === 'unix') return `unix:${join(await freshDirectory(), 'late.sock')}`;
  return joinHostPort('127.0.0.1', await freePort());
}

/** An endpoint to listen on: a socket in a new directory, or a port that the system chooses. */
export async function listenEndpoint(network: Network): Promise<string> {
  return network === 'unix' ? freeEndpoint(network) : '127.0.0.1:0';
}

/** A transport that listens on exactly this endpoint. */
export function transportAt(endpoint: string): Transport {
  const parts = parseEndpoint(endpoint);
  return closeAfterTest<Transport>(
    parts.network === 'unix' ? new UnixSocketTransport(parts) : new TCPSocketTransport(parts),
  );
}

export interface PluginOptions {
  name?: string;
  credentials?: ServerCredentials;
  server?: ServerOptions;
  transport?: Transport;
  serve?: ServeGrpcOptions;
  /** A server that other transports serve already. */
  probe?: ProbeServer;
}

/** A plugin in this process: a server with the test services on a transport. */
export interface Plugin {
  readonly probe: ProbeServer;
  readonly transport: Transport;
  readonly listener: GrpcListener;
  readonly endpoint: string;
  /** The connections accepted so far. */
  readonly connections: readonly Duplex[];
  /** Those that are sockets. */
  readonly accepted: readonly Socket[];
}

/** Starts a plugin, which is closed after the test. */
export async function startPlugin(network: Network, options: PluginOptions = {}): Promise<Plugin> {
  const transport = options.transport ?? (await transportOf(network));
  const probe = options.probe ?? new ProbeServer(options.name ?? network, options.server);
  const connections: Duplex[] = [];
  const accepted: Socket[] = [];
  onDiagnostic('accept', transport, ({ connection }) => {
    connections.push(connection);
    if (connection instanceof Socket) accepted.push(connection);
  });
  const listener = await serveGrpc(probe.server, transport, options.credentials ?? insecureServer, options.serve);
  onTestFinished(() => listener.close({ graceMs: 0 }).catch(() => undefined));
  return { probe, transport, listener, endpoint: listener.endpoint, connections, accepted };
}

/** Calls `connectGrpc` with a new transport of the endpoint's network, which is closed after the test. */
export function connectTo(
  endpoint: string,
  credentials: ChannelCredentials = insecure,
  options?: ConnectGrpcOptions,
): Promise<GrpcConnection> {
  return connectGrpc(closeAfterTest(transportTo(endpoint)), endpoint, credentials, options);
}

/** Opens a connection, which is closed after the test. On a busy machine, that may take longer than the default limit. */
export async function connected(...[endpoint, by, options]: Parameters<typeof connectTo>): Promise<GrpcConnection> {
  const connection = await connectTo(endpoint, by, { timeoutMs: 60_000, ...options });
  onTestFinished(() => connection.close({ graceMs: 0 }));
  return connection;
}

export async function probeClient(...of: Parameters<typeof connected>): Promise<ProbeClient> {
  return (await connected(...of)).client(Probe);
}

/** A plain listener, closed after the test with all of its connections. */
export interface PlainServer {
  readonly endpoint: string;
  /** Every connection accepted so far. */
  readonly sockets: readonly Socket[];
  /** The next connection. */
  nextSocket(): Promise<Socket>;
  close(): void;
}

/** @param at - The endpoint to listen on. Default: a new one. */
export async function plainServer(
  network: Network,
  onConnection: (socket: Socket) => void = () => undefined,
  at?: string,
): Promise<PlainServer> {
  const sockets: Socket[] = [];
  const parts = parseEndpoint(at ?? (await listenEndpoint(network)));
  const server = await plainListener(parts, (socket) => {
    sockets.push(socket);
    onConnection(socket);
  });
  const endpoint = formatEndpoint(parts.network === 'unix' ? parts : { ...parts, port: portOf(server) });
  return {
    endpoint,
    sockets,
    nextSocket: () => new Promise((resolve) => server.once('connection', resolve)),
    close: () => void server.close(),
  };
}

/** Opens a plain connection to an endpoint, which is destroyed after the test. */
export async function plainConnection(endpoint: string): Promise<Socket> {
  const socket = connect(parseEndpoint(endpoint));
  socket.on('error', () => undefined);
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  return socket;
}

/** Resolves once this process has no sockets except those in `before`. */
export async function noSocketsLeft(before: ReadonlySet<string>, options?: { timeoutMs: number }): Promise<void> {
  await until(() => socketsSince(before).length === 0, options);
}

/** The command line that runs a file of `children/`. */
export function childCommand(file: string, ...args: string[]): CommandLine {
  return typescript(new URL(`children/${file}`, import.meta.url), ...args);
}
