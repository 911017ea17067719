import type { NetConnectOpts, Socket } from 'node:net';
import { join } from 'node:path';
import { joinHostPort, parseEndpoint } from '@rpcplugin/endpoint-utils';
import {
  entriesOf,
  holdFreePort,
  makeDirectory,
  pathOf,
  removeDirectory,
  staleSocketAt,
} from '@rpcplugin/test-support/process';
import type { ProxyProtocolOptions, SocketTransportOptions } from '@rpcplugin/transport-base';
import type { Transport, TransportErrorCode } from '@rpcplugin/transport-core';
import { TCPSocketTransport } from '@rpcplugin/transport-tcp';
import { UnixSocketTransport } from '@rpcplugin/transport-unix';
import type { UnixSocketTransportOptions } from '@rpcplugin/transport-unix';

/** Options of a transport behind a proxy: of TCP and unix at once, with any IPv4 loopback address as the proxy. */
export function proxied(options: ProxyProtocolOptions = {}): SocketTransportOptions {
  const proxyProtocol = { from: ['127.0.0.0/8'], ...options };
  return { proxyProtocol } as SocketTransportOptions;
}

/** A kind of transport and address, for tests that run with all kinds. */
export interface Variant {
  /** The go-plugin network name. */
  readonly network: string;
  /** Whether a peer gets ECONNRESET when it is cut off. */
  readonly resets: boolean;
  /** The kinds of endpoint without a listener, each with the code that `connect` rejects with. */
  readonly absent: Readonly<Record<string, TransportErrorCode>>;
  /** Creates the addresses of one test. */
  open(): Promise<Place>;
}

/** The addresses of one test. */
export interface Place {
  /** Creates a transport that listens on an address of its own. */
  create(options?: SocketTransportOptions): Transport<Socket>;
  /** Creates a transport that listens on exactly this endpoint. */
  createAt(endpoint: string, options?: SocketTransportOptions): Transport<Socket>;
  /** The options of `net.connect` for an endpoint. */
  netOptions(endpoint: string): NetConnectOpts;
  /** An endpoint without a listener, where one can start. @param what - One of the variant's `absent` kinds. */
  absent(what: string): Promise<string>;
  /** The files that transports of `create` left behind. */
  leftovers(): Promise<string[]>;
  close(): Promise<void>;
}

/** TCP on an address of this machine. */
export function tcpVariant(host: string): Variant {
  return {
    network: 'tcp',
    resets: true,
    absent: { 'a free port': 'CONNECTION_REFUSED' },
    open: () => Promise.resolve(tcpPlace(host)),
  };
}

function tcpPlace(host: string): Place {
  const releases: (() => void)[] = [];
  return {
    create: (options) => new TCPSocketTransport({ ...options, host }),
    createAt: (endpoint, options) => new TCPSocketTransport({ ...options, ...hostAndPort(endpoint) }),
    netOptions: hostAndPort,
    absent: async () => {
      const { port, release } = await holdFreePort(host);
      releases.push(release);
      return joinHostPort(host, port);
    },
    leftovers: () => Promise.resolve([]),
    close: () => {
      for (const release of releases) release();
      return Promise.resolve();
    },
  };
}

function hostAndPort(endpoint: string): { host: string; port: number } {
  const parts = parseEndpoint(endpoint);
  if (parts.network !== 'tcp') throw new Error(`not TCP: ${endpoint}`);
  return { host: parts.host, port: parts.port };
}

function unixVariant(options: (directory: string, count: number) => UnixSocketTransportOptions): Variant {
  return {
    network: 'unix',
    resets: false,
    absent: { 'an absent file': 'NOT_FOUND', 'an absent directory': 'NOT_FOUND', 'a stale file': 'CONNECTION_REFUSED' },
    open: () => unixPlace(options),
  };
}

async function unixPlace(options: (directory: string, count: number) => UnixSocketTransportOptions): Promise<Place> {
  const directory = await makeDirectory();
  const elsewhere = await makeDirectory();
  // The default directory of a unix socket.
  const { XDG_RUNTIME_DIR: runtimeDirectory } = process.env;
  process.env['XDG_RUNTIME_DIR'] = directory;
  let created = 0;
  return {
    create: (common) => new UnixSocketTransport({ ...common, ...options(directory, created++) }),
    createAt: (endpoint, common) => new UnixSocketTransport({ ...common, path: pathOf(endpoint) }),
    netOptions: (endpoint) => ({ path: pathOf(endpoint) }),
    absent: async (what) => `unix:${await unusedPath(elsewhere, what)}`,
    leftovers: () => entriesOf(directory),
    close: async () => {
      if (runtimeDirectory === undefined) delete process.env['XDG_RUNTIME_DIR'];
      else process.env['XDG_RUNTIME_DIR'] = runtimeDirectory;
      await removeDirectory(directory);
      await removeDirectory(elsewhere);
    },
  };
}

async function unusedPath(directory: string, what: string): Promise<string> {
  const path = join(directory, what.replaceAll(' ', '-'));
  if (what === 'an absent directory') return join(path, 'nested', 's');
  if (what === 'a stale file') await staleSocketAt(path);
  return path;
}

export const variants = {
  'TCP IPv4': tcpVariant('127.0.0.1'),
  'TCP IPv6': tcpVariant('::1'),
  'unix by path': unixVariant((directory, count) => ({ path: join(directory, 'made', `${count}.sock`) })),
  'unix by directory': unixVariant((directory) => ({ directory: join(directory, 'made') })),
  'unix automatic': unixVariant(() => ({})),
} satisfies Record<string, Variant>;
