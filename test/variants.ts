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
import type { SocketTransportOptions } from '@rpcplugin/transport-base';
import type { Transport, TransportErrorCode } from '@rpcplugin/transport-core';
import { TCPSocketTransport } from '@rpcplugin/transport-tcp';
import { UnixSocketTransport } from '@rpcplugin/transport-unix';
import type { UnixSocketTransportOptions } from '@rpcplugin/transport-unix';

/** One kind of transport and address, for tests of what all of them do. */
export interface Variant {
  /** The go-plugin network name. */
  readonly network: string;
  /** Whether a peer that is cut off gets an ECONNRESET. */
  readonly resets: boolean;
  /** What can be where nobody listens, and the code that `connect` then rejects with. */
  readonly nobody: Readonly<Record<string, TransportErrorCode>>;
  /** Makes a place for the addresses of one test. */
  open(): Promise<Place>;
}

/** Where the addresses of one test are. */
export interface Place {
  /** A transport that is to listen on an address of its own. */
  create(options?: SocketTransportOptions): Transport<Socket>;
  /** A transport that is to listen on exactly this endpoint. */
  createAt(endpoint: string, options?: SocketTransportOptions): Transport<Socket>;
  /** How Node itself connects to an endpoint. */
  netOptions(endpoint: string): NetConnectOpts;
  /** An endpoint where nobody listens, and somebody can begin to; what is there is one of the variant's. */
  nobody(what: string): Promise<string>;
  /** What the transports of `create` have left behind in the file system. */
  leftovers(): Promise<string[]>;
  close(): Promise<void>;
}

/** TCP on an address of this machine. */
export function tcpVariant(host: string): Variant {
  return {
    network: 'tcp',
    resets: true,
    nobody: { 'a free port': 'CONNECTION_REFUSED' },
    open: () => Promise.resolve(tcpPlace(host)),
  };
}

function tcpPlace(host: string): Place {
  const releases: (() => void)[] = [];
  return {
    create: (options) => new TCPSocketTransport({ ...options, host }),
    createAt: (endpoint, options) => new TCPSocketTransport({ ...options, ...hostAndPort(endpoint) }),
    netOptions: hostAndPort,
    nobody: async () => {
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
    nobody: { 'an absent file': 'NOT_FOUND', 'an absent directory': 'NOT_FOUND', 'a stale file': 'CONNECTION_REFUSED' },
    open: () => unixPlace(options),
  };
}

async function unixPlace(options: (directory: string, count: number) => UnixSocketTransportOptions): Promise<Place> {
  const directory = await makeDirectory();
  const elsewhere = await makeDirectory();
  // Where a socket goes that is given no place.
  const { XDG_RUNTIME_DIR: runtimeDirectory } = process.env;
  process.env['XDG_RUNTIME_DIR'] = directory;
  let created = 0;
  return {
    create: (common) => new UnixSocketTransport({ ...common, ...options(directory, created++) }),
    createAt: (endpoint, common) => new UnixSocketTransport({ ...common, path: pathOf(endpoint) }),
    netOptions: (endpoint) => ({ path: pathOf(endpoint) }),
    nobody: async (what) => `unix:${await unusedPath(elsewhere, what)}`,
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
